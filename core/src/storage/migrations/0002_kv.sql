-- The key-value store. With a rowid, and the value last: values are often larger than a page, and
-- neither a look-up nor a list of keys should read past them.
CREATE TABLE amana_kv (
  id            INTEGER PRIMARY KEY,
  namespace     TEXT NOT NULL,
  key           TEXT NOT NULL,
  -- From when on the value is missing, epoch milliseconds of the device.
  expires_at_ms INTEGER,
  -- 0: UTF-8 text; 1: bytes. Both are kept as bytes, so that text may hold any character.
  kind          INTEGER NOT NULL CHECK (kind IN (0, 1)),
  value         BLOB NOT NULL,
  UNIQUE (namespace, key)
);
CREATE INDEX amana_kv_by_expiry ON amana_kv (expires_at_ms) WHERE expires_at_ms IS NOT NULL;
