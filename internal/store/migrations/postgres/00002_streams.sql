-- +goose Up
-- Keys of programs: the hash of 256 random bits, found by their prefix.
CREATE TABLE api_keys (
    id           uuid   PRIMARY KEY,
    name         text   NOT NULL,
    prefix       text   NOT NULL CONSTRAINT api_keys_prefix_unique UNIQUE,
    hash         bytea  NOT NULL,
    scopes       text   NOT NULL,
    created_at   bigint NOT NULL,
    last_used_at bigint,
    revoked_at   bigint
);

-- The blacklist in the order of time, for those who follow it. A rotation
-- leaves both columns of sessions as they are, NULL, so that it still updates
-- in place; rotated_at must have no index.
CREATE INDEX sessions_revoked_at ON sessions (revoked_at, id) WHERE revoked_at IS NOT NULL;
CREATE INDEX sessions_refresh_blacklisted_at ON sessions (refresh_blacklisted_at, id) WHERE refresh_blacklisted_at IS NOT NULL;
CREATE INDEX blacklisted_tokens_blacklisted_at ON blacklisted_tokens (blacklisted_at, session_id, secret_hash);

-- +goose Down
DROP INDEX blacklisted_tokens_blacklisted_at;
DROP INDEX sessions_refresh_blacklisted_at;
DROP INDEX sessions_revoked_at;
DROP TABLE api_keys;
