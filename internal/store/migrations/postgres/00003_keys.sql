-- +goose Up
-- The key ring. What is secret of a key is encrypted with the master key.
CREATE TABLE sealed_keys (
    kid        text   PRIMARY KEY,
    purpose    text   NOT NULL,
    number     bigint,
    sealed     bytea  NOT NULL,
    master     text   NOT NULL,
    life       bigint NOT NULL,
    created_at bigint NOT NULL,
    signs_from bigint,
    ends_at    bigint,
    CONSTRAINT sealed_keys_number_unique UNIQUE (purpose, number)
);

-- +goose Down
DROP TABLE sealed_keys;
