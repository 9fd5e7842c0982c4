-- The SKUs that run low. Units that move where there are more touch no index.

CREATE INDEX stock_low ON stock (available, sku) WHERE available <= 10;
