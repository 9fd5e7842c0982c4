-- Stock adjustments: each is a row of the ledger under an id of its client's own.

ALTER TABLE stock_ledger ADD COLUMN adjustment_id TEXT; -- NULL for a count

CREATE UNIQUE INDEX stock_ledger_by_adjustment ON stock_ledger (adjustment_id)
    WHERE adjustment_id IS NOT NULL;
