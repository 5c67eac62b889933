-- +goose Up
-- The outbox. What a mail says, and the address, are encrypted with the master
-- key. A row is deleted once its mail is sent. No foreign key: a mail outlives an
-- account that it says goodbye to.
CREATE TABLE mails (
    id         text    NOT NULL PRIMARY KEY,
    kind       text    NOT NULL,
    user_id    text,
    sealed     blob,
    master     text    NOT NULL,
    created_at integer NOT NULL,
    send_after integer NOT NULL,
    tries      integer NOT NULL,
    expires_at integer NOT NULL,
    last_error text    NOT NULL,
    dead_at    integer
) STRICT;
CREATE INDEX mails_waiting ON mails (expires_at, id) WHERE dead_at IS NULL;
CREATE INDEX mails_expires_at ON mails (expires_at);

-- Which process does a task that one process at a time may do, by the database's
-- clock.
CREATE TABLE leases (
    name   text    NOT NULL PRIMARY KEY,
    holder text    NOT NULL,
    until  integer NOT NULL
) STRICT;

-- +goose Down
DROP TABLE leases;
DROP TABLE mails;
