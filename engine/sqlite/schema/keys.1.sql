-- keys.db: the API's keys. Of a secret only the SHA-256 is here. Times are Unix
-- milliseconds in UTC.

CREATE TABLE keys (
    hash       BLOB    PRIMARY KEY,
    name       TEXT    NOT NULL,
    scopes     TEXT    NOT NULL,          -- separated by commas
    created_at INTEGER NOT NULL,
    revoked_at INTEGER                    -- NULL while the key is good
) STRICT, WITHOUT ROWID;

CREATE UNIQUE INDEX keys_by_name ON keys (name) WHERE revoked_at IS NULL;
