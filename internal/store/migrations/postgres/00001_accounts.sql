-- +goose Up
-- Every time is in microseconds since the Unix epoch.
CREATE TABLE users (
    id                uuid   PRIMARY KEY,
    name              text   NOT NULL,
    email             text   NOT NULL,
    email_key         text   NOT NULL CONSTRAINT users_email_key_unique UNIQUE,
    email_verified_at bigint,
    created_at        bigint NOT NULL,
    updated_at        bigint NOT NULL,
    disabled_at       bigint,
    password_hash     text   NOT NULL,
    auth_epoch        bigint NOT NULL
);

-- A rotation updates the row in place (HOT): no index covers a column that it
-- changes, and the fill factor leaves room for the new version on the page.
CREATE TABLE sessions (
    id                     uuid   PRIMARY KEY,
    user_id                uuid   NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    generation             bigint NOT NULL,
    secret_hash            bytea  NOT NULL,
    previous_hash          bytea,
    rotated_at             bigint,
    retry_hash             bytea,
    issued_at              bigint NOT NULL,
    access_expires_at      bigint NOT NULL,
    refresh_expires_at     bigint NOT NULL,
    expires_at             bigint NOT NULL,
    user_agent             text   NOT NULL,
    ip_address             text   NOT NULL,
    created_at             bigint NOT NULL,
    last_seen_at           bigint NOT NULL,
    refresh_blacklisted_at bigint,
    revoked_at             bigint,
    revoked_reason         text   NOT NULL
) WITH (fillfactor = 80);
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE blacklisted_tokens (
    session_id     uuid   NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    secret_hash    bytea  NOT NULL,
    use            text   NOT NULL,
    reason         text   NOT NULL,
    blacklisted_at bigint NOT NULL,
    expires_at     bigint NOT NULL,
    PRIMARY KEY (session_id, secret_hash, use)
);
CREATE INDEX blacklisted_tokens_expires_at ON blacklisted_tokens (expires_at);

CREATE TABLE replica_notes (
    replica    text   PRIMARY KEY,
    nodes      text   NOT NULL,
    written_at bigint NOT NULL
);

-- +goose Down
DROP TABLE replica_notes;
DROP TABLE blacklisted_tokens;
DROP TABLE sessions;
DROP TABLE users;
