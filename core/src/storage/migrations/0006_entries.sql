-- Outbox and what was sent become one table in the order in which it is sent: taking a piece of a
-- push then changes a few neighbouring pages in place, and moves nothing.

CREATE TABLE amana_entry (
  table_name   TEXT NOT NULL,
  revision     INTEGER NOT NULL,
  -- 0: waits for the peer with the last word; 1: that peer took it; 2: a later pull has shown that
  -- it was kept. A record has at most one entry that waits, and one that does not.
  state        INTEGER NOT NULL CHECK (state IN (0, 1, 2)),
  kind         INTEGER NOT NULL CHECK (kind IN (0, 1, 2)),
  record_id    TEXT NOT NULL,
  base         TEXT NOT NULL,
  -- The rowid that the record had: where to look first.
  place        INTEGER,
  -- The deletion that took this record with it; such tombstones go when that one is acknowledged.
  parent_table TEXT,
  parent_id    TEXT,
  -- Who took it, where that is not the cloud.
  peer         TEXT,
  confirmed_ms INTEGER,
  PRIMARY KEY (table_name, revision)
) WITHOUT ROWID;
-- Which of them wait, by class of request, in the order of their revisions.
CREATE INDEX amana_entry_waiting ON amana_entry (table_name, kind = 2) WHERE state = 0;
-- By the id first: it tells entries apart with its first bytes.
CREATE INDEX amana_entry_by_record ON amana_entry (record_id, table_name);
CREATE INDEX amana_entry_by_parent ON amana_entry (parent_table, parent_id)
  WHERE parent_id IS NOT NULL;

INSERT INTO amana_entry
    (revision, state, kind, table_name, record_id, base, parent_table, parent_id)
  SELECT revision, 0, kind, table_name, record_id, base, parent_table, parent_id
    FROM amana_outbox;
-- What was sent had no revision; any will do that no write gets.
INSERT INTO amana_entry
    (revision, state, kind, table_name, record_id, base, peer, confirmed_ms)
  SELECT -row_number() OVER (ORDER BY table_name, record_id),
         CASE WHEN confirmed_ms IS NULL THEN 1 ELSE 2 END,
         kind, table_name, record_id, base, nullif(peer, 'cloud'), confirmed_ms
    FROM amana_sent;
DROP TABLE amana_outbox;
DROP TABLE amana_sent;

-- Local writes that the peer with the last word has not taken: at most one a record.
CREATE VIEW amana_outbox AS
  SELECT table_name, record_id, kind, revision, base, parent_table, parent_id
    FROM amana_entry WHERE state = 0;
-- What it took, until a later pull has shown that it kept it, and for a day: at most one a record.
CREATE VIEW amana_sent AS
  SELECT table_name, record_id, coalesce(peer, 'cloud') AS peer, kind,
         CASE kind WHEN 2 THEN '{}' ELSE base END AS base, confirmed_ms, revision
    FROM amana_entry WHERE state > 0;
