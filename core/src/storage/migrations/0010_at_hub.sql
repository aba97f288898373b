-- New records and deletions that a hub with the last word took and a pull has confirmed: it may lose them
-- before it has brought them to the cloud.

CREATE TABLE amana_at_hub (
  table_name   TEXT NOT NULL,
  record_id    TEXT NOT NULL,
  peer         TEXT NOT NULL,
  kind         INTEGER NOT NULL CHECK (kind BETWEEN 0 AND 2),
  base         TEXT NOT NULL,
  confirmed_ms INTEGER NOT NULL,
  PRIMARY KEY (table_name, record_id)
) WITHOUT ROWID;
