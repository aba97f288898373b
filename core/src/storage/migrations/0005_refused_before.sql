-- Since when a record is known as one that the peer refuses, in whatever revision. Goes when the peer
-- takes it; an edit or a person frees the record, and this stays.

ALTER TABLE amana_aside ADD COLUMN known_ms INTEGER;
