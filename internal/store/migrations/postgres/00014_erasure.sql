-- +goose Up
-- When the data of an account was erased. The row remains, without the data, until
-- the last access token of the account has expired: its sessions say until then
-- that they were revoked.
ALTER TABLE users ADD COLUMN erased_at bigint;
CREATE INDEX users_delete_at ON users (delete_at) WHERE delete_at IS NOT NULL AND erased_at IS NULL;
CREATE INDEX users_erased_at ON users (erased_at) WHERE erased_at IS NOT NULL;
CREATE INDEX mails_user_id ON mails (user_id);

-- +goose Down
DROP INDEX mails_user_id;
DROP INDEX users_erased_at;
DROP INDEX users_delete_at;
ALTER TABLE users DROP COLUMN erased_at;
