-- gateway.db: the simulated card processor's own books. Times are Unix
-- milliseconds in UTC, amounts are minor units of their currency.

CREATE TABLE entries (
    number   INTEGER NOT NULL,            -- the order's
    key      TEXT    NOT NULL,            -- the idempotency key
    order_id TEXT    NOT NULL,
    state    TEXT    NOT NULL,
    amount   INTEGER NOT NULL,
    currency TEXT    NOT NULL,
    method   TEXT    NOT NULL,
    attempts INTEGER NOT NULL,
    at       INTEGER NOT NULL,
    PRIMARY KEY (number, key)
) STRICT, WITHOUT ROWID;
