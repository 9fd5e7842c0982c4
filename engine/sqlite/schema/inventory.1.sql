-- inventory.db: the inventory service's stock and reservations. Times are Unix
-- milliseconds in UTC, amounts are minor units of their currency.

CREATE TABLE stock (
    sku            TEXT PRIMARY KEY,
    available      INTEGER NOT NULL CHECK (available >= 0),
    reserved       INTEGER NOT NULL CHECK (reserved >= 0),
    sold           INTEGER NOT NULL CHECK (sold >= 0),
    price_amount   INTEGER NOT NULL,
    price_currency TEXT    NOT NULL,
    version        INTEGER NOT NULL,
    updated_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The sum of a SKU's deltas is available + reserved + sold.
CREATE TABLE stock_ledger (
    entry  INTEGER PRIMARY KEY,
    sku    TEXT    NOT NULL,
    delta  INTEGER NOT NULL,
    reason TEXT    NOT NULL,
    at     INTEGER NOT NULL
) STRICT;

CREATE INDEX stock_ledger_by_sku ON stock_ledger (sku);

CREATE TABLE reservations (
    number         INTEGER PRIMARY KEY,   -- the order's
    order_id       TEXT    NOT NULL,
    state          TEXT    NOT NULL,
    lines          TEXT,                  -- JSON: [{"sku", "qty", "unit_price": {"amount", "currency"}}]
    total_amount   INTEGER NOT NULL,
    total_currency TEXT    NOT NULL,
    reason         TEXT    NOT NULL,      -- why a REJECTED one was refused
    shortfall      TEXT,                  -- JSON: [{"sku", "qty", "available"}]
    restocked      INTEGER NOT NULL,
    held_at        INTEGER,               -- NULL if it was never held
    updated_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE dead_letters (
    id      TEXT PRIMARY KEY,             -- the event's id
    event   TEXT    NOT NULL,             -- CloudEvents 1.0 JSON
    reason  TEXT    NOT NULL,
    count   INTEGER NOT NULL,             -- how often it was received
    dead_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
