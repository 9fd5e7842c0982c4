-- order.db: the order service's orders. Times are Unix milliseconds in UTC,
-- amounts are minor units of their currency.

CREATE TABLE orders (
    number         INTEGER PRIMARY KEY,   -- rises in the order in which orders were accepted
    id             TEXT    NOT NULL UNIQUE,
    caller         TEXT    NOT NULL,
    user_id        TEXT    NOT NULL,
    status         TEXT    NOT NULL,
    reason         TEXT    NOT NULL,
    lines          TEXT,                  -- JSON: [{"sku", "qty", "unit_price": {"amount", "currency"}}]
    total_amount   INTEGER NOT NULL,
    total_currency TEXT    NOT NULL,      -- empty until the prices are known
    payment_method TEXT    NOT NULL,
    shortfall      TEXT,                  -- JSON: [{"sku", "qty", "available"}]
    restock        INTEGER NOT NULL,
    history        TEXT    NOT NULL,      -- JSON: [{"status", "at", "reason"}]
    hold_until     INTEGER NOT NULL,
    due_at         INTEGER,               -- when the sweeper looks next; NULL once the order has ended
    attempts       INTEGER NOT NULL,
    fingerprint    BLOB    NOT NULL,
    rendering      INTEGER NOT NULL
) STRICT;

CREATE INDEX orders_by_user ON orders (caller, user_id);
CREATE INDEX orders_due     ON orders (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX orders_open    ON orders (status)
    WHERE status = 'PENDING' OR status = 'RESERVED' OR status = 'CANCELLING' OR status = 'REFUNDING';

CREATE TABLE dead_letters (
    id      TEXT PRIMARY KEY,             -- the event's id
    event   TEXT    NOT NULL,             -- CloudEvents 1.0 JSON
    reason  TEXT    NOT NULL,
    count   INTEGER NOT NULL,             -- how often it was received
    dead_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
