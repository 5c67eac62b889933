-- +goose Up
-- One row for a link that was mailed and for the code in the same mail. The key
-- is the hash of the link's token. A row without a user answers a request for an
-- address without an account: it can never be used, and costs what others cost.
CREATE TABLE one_time_tokens (
    hash       blob NOT NULL PRIMARY KEY,
    purpose    text NOT NULL,
    user_id    text REFERENCES users (id) ON DELETE CASCADE,
    email_key  text NOT NULL,
    code_mac   blob,
    payload    text NOT NULL,
    tries      integer NOT NULL,
    created_at integer NOT NULL,
    expires_at integer NOT NULL,
    used_at    integer
) STRICT;
CREATE INDEX one_time_tokens_user_id ON one_time_tokens (user_id);
CREATE INDEX one_time_tokens_email_key ON one_time_tokens (email_key, purpose);
CREATE INDEX one_time_tokens_expires_at ON one_time_tokens (expires_at);

-- +goose Down
DROP TABLE one_time_tokens;
