-- Lists by user are for whoever may see all callers' orders, too.

DROP INDEX orders_by_user;

CREATE INDEX orders_by_user ON orders (user_id);
