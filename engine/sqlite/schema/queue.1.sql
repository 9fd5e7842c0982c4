-- SERVICE.queue.db: the messages on their way to one service. Times are Unix
-- milliseconds in UTC.

CREATE TABLE messages (
    id       INTEGER PRIMARY KEY,         -- the oldest message has the least
    ready_at INTEGER NOT NULL,            -- when it waits or waited to be received: sent, delay over, lease lapsed
    claim    INTEGER,                     -- a random number of the receive that has it; NULL if none has
    count    INTEGER NOT NULL,            -- how often it was received
    sent_at  INTEGER NOT NULL,
    body     BLOB    NOT NULL             -- CloudEvents 1.0 JSON, or whatever was sent, word for word
) STRICT;

CREATE INDEX messages_by_ready ON messages (ready_at);

-- How many messages there are: counting them would read them all.
CREATE TABLE total (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    messages INTEGER NOT NULL
) STRICT;

INSERT INTO total (only_row, messages) VALUES (1, 0);
