-- +goose Up
-- The outbox. What a mail says, and the address, are encrypted with the master
-- key. A row is deleted once its mail is sent. No foreign key: a mail outlives an
-- account that it says goodbye to.
CREATE TABLE mails (
    id         uuid   PRIMARY KEY,
    kind       text   NOT NULL,
    user_id    uuid,
    sealed     bytea,
    master     text   NOT NULL,
    created_at bigint NOT NULL,
    send_after bigint NOT NULL,
    tries      bigint NOT NULL,
    expires_at bigint NOT NULL,
    last_error text   NOT NULL,
    dead_at    bigint
);
CREATE INDEX mails_waiting ON mails (expires_at, id) WHERE dead_at IS NULL;
CREATE INDEX mails_expires_at ON mails (expires_at);

-- Which process does a task that one process at a time may do, by the database's
-- clock.
CREATE TABLE leases (
    name   text   PRIMARY KEY,
    holder text   NOT NULL,
    until  bigint NOT NULL
);

-- +goose Down
DROP TABLE leases;
DROP TABLE mails;
