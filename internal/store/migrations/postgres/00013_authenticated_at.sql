-- +goose Up
-- When the owner of a session last proved a credential, and by which methods. NULL
-- means: when the session was created. So no row has to be rewritten, and an earlier
-- version that still runs inserts sessions without a value.
ALTER TABLE sessions ADD COLUMN authenticated_at bigint;
ALTER TABLE sessions ADD COLUMN methods text NOT NULL DEFAULT 'PASSWORD';
-- When an account that its owner has deleted is to be erased.
ALTER TABLE users ADD COLUMN delete_at bigint;

-- +goose Down
ALTER TABLE users DROP COLUMN delete_at;
ALTER TABLE sessions DROP COLUMN methods;
ALTER TABLE sessions DROP COLUMN authenticated_at;
