-- The orders' rows are written in the order of their numbers alone. What finds them
-- by id and by user is two narrow tables of hashes, into which it is merged later,
-- many rows at a time and sorted: see lookups.go.

CREATE TABLE new_orders (
    number         INTEGER PRIMARY KEY,   -- rises in the order in which orders were accepted
    id             TEXT    NOT NULL,
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

INSERT INTO new_orders SELECT number, id, caller, user_id, status, reason, lines, total_amount, total_currency,
    payment_method, shortfall, restock, history, hold_until, due_at, attempts, fingerprint, rendering
    FROM orders ORDER BY number;

DROP TABLE orders;
ALTER TABLE new_orders RENAME TO orders;

CREATE INDEX orders_due  ON orders (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX orders_open ON orders (status)
    WHERE status = 'PENDING' OR status = 'RESERVED' OR status = 'CANCELLING' OR status = 'REFUNDING';

-- A hash is the first eight bytes of the SHA-256 of the id, or of the user's id.
CREATE TABLE orders_by_id (
    hash   INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (hash, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE orders_by_user (
    hash   INTEGER NOT NULL,
    number INTEGER NOT NULL,
    PRIMARY KEY (hash, number)
) STRICT, WITHOUT ROWID;

-- The two tables hold every order up to this number, and without a row none yet.
CREATE TABLE merged (
    only_row INTEGER PRIMARY KEY CHECK (only_row = 1),
    number   INTEGER NOT NULL
) STRICT;

INSERT INTO orders_by_id (hash, number) SELECT name_hash(id), number FROM orders ORDER BY 1, 2;
INSERT INTO orders_by_user (hash, number) SELECT name_hash(user_id), number FROM orders ORDER BY 1, 2;
INSERT INTO merged (only_row, number) SELECT 1, max(number) FROM orders HAVING count(*) > 0;
