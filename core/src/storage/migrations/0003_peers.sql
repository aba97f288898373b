-- Any number of peers: what each has taken, refuses and said last.

ALTER TABLE amana_peer ADD COLUMN name TEXT;
-- What was pinned when a hub was paired; whole and unchanged, or nothing.
ALTER TABLE amana_peer ADD COLUMN trust TEXT;
ALTER TABLE amana_peer ADD COLUMN last_full_ms INTEGER;
ALTER TABLE amana_peer ADD COLUMN last_attempt_ms INTEGER;
-- The code of the last failure, none after a success; how many there were in a row.
ALTER TABLE amana_peer ADD COLUMN last_error TEXT;
ALTER TABLE amana_peer ADD COLUMN failures INTEGER NOT NULL DEFAULT 0;
ALTER TABLE amana_peer ADD COLUMN next_try_ms INTEGER;

-- What a peer whose word is not the last has taken of an outbox entry, and the bases of the
-- entry's columns as far as that peer is concerned. Goes with the entry.
CREATE TABLE amana_mark (
  peer       TEXT NOT NULL,
  table_name TEXT NOT NULL,
  record_id  TEXT NOT NULL,
  revision   INTEGER NOT NULL,
  base       TEXT NOT NULL,
  PRIMARY KEY (table_name, record_id, peer)
) WITHOUT ROWID;

-- Entries that a peer refuses, at the revision that it refused. Without a reason it is a suspicion.
CREATE TABLE amana_aside (
  peer       TEXT NOT NULL,
  table_name TEXT NOT NULL,
  record_id  TEXT NOT NULL,
  revision   INTEGER NOT NULL,
  reason     TEXT,
  refusals   INTEGER NOT NULL,
  first_ms   INTEGER NOT NULL,
  last_ms    INTEGER NOT NULL,
  -- When it is tried again by itself.
  retry_ms   INTEGER,
  PRIMARY KEY (table_name, record_id, peer)
) WITHOUT ROWID;

-- What the peer with the last word took, until a later pull has shown that it kept it.
CREATE TABLE amana_sent (
  table_name   TEXT NOT NULL,
  record_id    TEXT NOT NULL,
  peer         TEXT NOT NULL,
  kind         INTEGER NOT NULL,
  base         TEXT NOT NULL,
  confirmed_ms INTEGER,
  PRIMARY KEY (table_name, record_id)
) WITHOUT ROWID;

-- Which peer said the version that is held, or that it is gone, while another peer may still say an
-- older one. Kept only where there are several peers.
CREATE TABLE amana_origin (
  table_name TEXT NOT NULL,
  record_id  TEXT NOT NULL,
  peer       TEXT NOT NULL,
  updated_at INTEGER,
  gone       INTEGER NOT NULL,
  -- The version that was held before, which another peer has said: it may say it again.
  said       INTEGER,
  at_ms      INTEGER NOT NULL,
  PRIMARY KEY (table_name, record_id)
) WITHOUT ROWID;

-- Records that a pull of everything did not hold, where that does not prove that they are gone.
CREATE TABLE amana_absent (
  table_name TEXT NOT NULL,
  record_id  TEXT NOT NULL,
  since_ms   INTEGER NOT NULL,
  PRIMARY KEY (table_name, record_id)
) WITHOUT ROWID;

ALTER TABLE amana_conflict ADD COLUMN peer TEXT;
-- Whose value stayed: 0 ours, 1 the peer's, 2 what a rule made of them.
ALTER TABLE amana_conflict ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
ALTER TABLE amana_conflict ADD COLUMN actor TEXT;
ALTER TABLE amana_conflict ADD COLUMN local_at_ms INTEGER;
ALTER TABLE amana_conflict ADD COLUMN remote_at_ms INTEGER;
ALTER TABLE amana_conflict ADD COLUMN undone_ms INTEGER;

INSERT INTO amana_aside (peer, table_name, record_id, revision, reason, refusals, first_ms, last_ms)
  SELECT 'cloud', table_name, record_id, revision, quarantine, 1, 0, 0
    FROM amana_outbox WHERE quarantine IS NOT NULL;
ALTER TABLE amana_outbox DROP COLUMN quarantine;
