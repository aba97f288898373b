-- A session may rest on a token of the cloud in place of a password, or on a hub alone: then address
-- and password are empty.

ALTER TABLE amana_session ADD COLUMN token TEXT;
ALTER TABLE amana_session ADD COLUMN token_since_ms INTEGER;
