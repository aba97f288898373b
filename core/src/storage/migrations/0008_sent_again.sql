-- Our values that were sent to a peer again because the value from before our change had come back
-- there: who says that value once more has seen ours.

ALTER TABLE amana_mark ADD COLUMN sent_again TEXT NOT NULL DEFAULT '{}';
