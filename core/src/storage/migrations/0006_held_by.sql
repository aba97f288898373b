-- Which other peers had taken the version that was sent: what is new there was written by somebody who
-- could see it.

ALTER TABLE amana_sent ADD COLUMN held_by TEXT;
