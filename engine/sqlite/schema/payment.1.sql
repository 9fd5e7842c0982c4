-- payment.db: the payment service's payments. Times are Unix milliseconds in
-- UTC, amounts are minor units of their currency.

CREATE TABLE payments (
    number      INTEGER PRIMARY KEY,      -- the order's
    order_id    TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    amount      INTEGER NOT NULL,
    currency    TEXT    NOT NULL,         -- empty where nothing was ever charged
    method      TEXT    NOT NULL,
    restock     INTEGER NOT NULL,
    reserved_at INTEGER,                  -- when the stock was held; NULL where nothing was ever charged
    updated_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE dead_letters (
    id      TEXT PRIMARY KEY,             -- the event's id
    event   TEXT    NOT NULL,             -- CloudEvents 1.0 JSON
    reason  TEXT    NOT NULL,
    count   INTEGER NOT NULL,             -- how often it was received
    dead_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
