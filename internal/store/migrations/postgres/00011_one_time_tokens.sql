-- +goose Up
-- One row for a link that was mailed and for the code in the same mail. The key
-- is the hash of the link's token. A row without a user answers a request for an
-- address without an account: it can never be used, and costs what others cost.
CREATE TABLE one_time_tokens (
    hash       bytea PRIMARY KEY,
    purpose    text NOT NULL,
    user_id    uuid REFERENCES users (id) ON DELETE CASCADE,
    email_key  text NOT NULL,
    code_mac   bytea,
    payload    text NOT NULL,
    tries      bigint NOT NULL,
    created_at bigint NOT NULL,
    expires_at bigint NOT NULL,
    used_at    bigint
);
CREATE INDEX one_time_tokens_user_id ON one_time_tokens (user_id);
CREATE INDEX one_time_tokens_email_key ON one_time_tokens (email_key, purpose);
CREATE INDEX one_time_tokens_expires_at ON one_time_tokens (expires_at);

-- +goose Down
DROP TABLE one_time_tokens;
