-- Which other peers have the version of a record that was sent, as long as it is watched: what is new
-- there was written by somebody who could see it.

CREATE TABLE amana_holder (
  table_name TEXT NOT NULL,
  record_id  TEXT NOT NULL,
  peer       TEXT NOT NULL,
  PRIMARY KEY (table_name, record_id, peer)
) WITHOUT ROWID;
