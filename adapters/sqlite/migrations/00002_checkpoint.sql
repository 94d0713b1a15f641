-- +goose Up

-- How far a copy into this store has come. While there is a row, the store
-- serves nobody. owner is the tenant being written; the store's own record,
-- not tenant data.
CREATE TABLE checkpoint (
  one     INTEGER NOT NULL PRIMARY KEY CHECK (one = 1),
  source  BLOB,
  section TEXT    NOT NULL,
  owner   BLOB    NOT NULL,
  after   TEXT    NOT NULL,
  copied  INTEGER NOT NULL
) STRICT;
