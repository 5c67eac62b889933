-- +goose Up
-- The key ring. What is secret of a key is encrypted with the master key.
CREATE TABLE sealed_keys (
    kid        text    NOT NULL PRIMARY KEY,
    purpose    text    NOT NULL,
    number     integer,
    sealed     blob    NOT NULL,
    master     text    NOT NULL,
    life       integer NOT NULL,
    created_at integer NOT NULL,
    signs_from integer,
    ends_at    integer,
    CONSTRAINT sealed_keys_number_unique UNIQUE (purpose, number)
) STRICT;

-- +goose Down
DROP TABLE sealed_keys;
