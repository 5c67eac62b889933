-- +goose Up
-- Every time is in microseconds since the Unix epoch.
CREATE TABLE users (
    id                text    NOT NULL PRIMARY KEY,
    name              text    NOT NULL,
    email             text    NOT NULL,
    email_key         text    NOT NULL CONSTRAINT users_email_key_unique UNIQUE,
    email_verified_at integer,
    created_at        integer NOT NULL,
    updated_at        integer NOT NULL,
    disabled_at       integer,
    password_hash     text    NOT NULL,
    auth_epoch        integer NOT NULL
) STRICT;

CREATE TABLE sessions (
    id                     text    NOT NULL PRIMARY KEY,
    user_id                text    NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    generation             integer NOT NULL,
    secret_hash            blob    NOT NULL,
    previous_hash          blob,
    rotated_at             integer,
    retry_hash             blob,
    issued_at              integer NOT NULL,
    access_expires_at      integer NOT NULL,
    refresh_expires_at     integer NOT NULL,
    expires_at             integer NOT NULL,
    user_agent             text    NOT NULL,
    ip_address             text    NOT NULL,
    created_at             integer NOT NULL,
    last_seen_at           integer NOT NULL,
    refresh_blacklisted_at integer,
    revoked_at             integer,
    revoked_reason         text    NOT NULL
) STRICT;
CREATE INDEX sessions_user_id ON sessions (user_id);
CREATE INDEX sessions_expires_at ON sessions (expires_at);

CREATE TABLE blacklisted_tokens (
    session_id     text    NOT NULL REFERENCES sessions (id) ON DELETE CASCADE,
    secret_hash    blob    NOT NULL,
    use            text    NOT NULL,
    reason         text    NOT NULL,
    blacklisted_at integer NOT NULL,
    expires_at     integer NOT NULL,
    PRIMARY KEY (session_id, secret_hash, use)
) STRICT;
CREATE INDEX blacklisted_tokens_expires_at ON blacklisted_tokens (expires_at);

CREATE TABLE replica_notes (
    replica    text    NOT NULL PRIMARY KEY,
    nodes      text    NOT NULL,
    written_at integer NOT NULL
) STRICT;

-- +goose Down
DROP TABLE replica_notes;
DROP TABLE blacklisted_tokens;
DROP TABLE sessions;
DROP TABLE users;
