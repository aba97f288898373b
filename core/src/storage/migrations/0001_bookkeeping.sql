-- What the store keeps beside the records. Record tables come from the schema.

CREATE TABLE amana_meta (
  name  TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

-- Local writes that the peer has not acknowledged: one row a record.
CREATE TABLE amana_outbox (
  table_name   TEXT NOT NULL,
  record_id    TEXT NOT NULL,
  kind         INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
  revision     INTEGER NOT NULL,
  base         TEXT NOT NULL,
  -- The deletion that took this record with it; such tombstones go when that one is acknowledged.
  parent_table TEXT,
  parent_id    TEXT,
  quarantine   TEXT,
  PRIMARY KEY (table_name, record_id)
) WITHOUT ROWID;
CREATE INDEX amana_outbox_by_revision ON amana_outbox (table_name, revision);
CREATE INDEX amana_outbox_by_parent ON amana_outbox (parent_table, parent_id)
  WHERE parent_id IS NOT NULL;

CREATE TABLE amana_peer (
  peer            TEXT PRIMARY KEY,
  -- Whose cursor this is: another server's would mean nothing to it.
  url             TEXT,
  cursor          INTEGER NOT NULL DEFAULT 0,
  skew_ms         INTEGER NOT NULL DEFAULT 0,
  last_success_ms INTEGER,
  -- Whose own rows the last full pull brought.
  full_pull_for   TEXT
) WITHOUT ROWID;

-- What both sides changed, and what a deletion took with it.
CREATE TABLE amana_conflict (
  id          INTEGER PRIMARY KEY,
  at_ms       INTEGER NOT NULL,
  kind        INTEGER NOT NULL,
  table_name  TEXT NOT NULL,
  record_id   TEXT NOT NULL,
  column_name TEXT,
  base        TEXT,
  local       TEXT,
  remote      TEXT
);

CREATE TABLE amana_session (
  only_row       INTEGER PRIMARY KEY CHECK (only_row = 1),
  url            TEXT NOT NULL,
  private_ca_pem TEXT,
  email          TEXT NOT NULL,
  password       TEXT NOT NULL,
  user_id        TEXT NOT NULL,
  name           TEXT NOT NULL,
  role           TEXT NOT NULL,
  clinic_id      TEXT
);
