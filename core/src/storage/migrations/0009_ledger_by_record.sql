-- A pull asks for a record's entries each time a peer says again what was deleted here, and changes them
-- where a record gets another id.

CREATE INDEX amana_conflict_by_record ON amana_conflict (record_id, table_name);
