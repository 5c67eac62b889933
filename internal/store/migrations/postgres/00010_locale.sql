-- +goose Up
-- The language that mails to the user are written in, as a BCP 47 tag, or empty
-- for the default language. An earlier version that still runs inserts users
-- without one.
ALTER TABLE users ADD COLUMN locale text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE users DROP COLUMN locale;
