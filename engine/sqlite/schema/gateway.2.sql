-- The last outage that was asked for, so that every process meets it.

CREATE TABLE outage (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    until    INTEGER NOT NULL
) STRICT;
