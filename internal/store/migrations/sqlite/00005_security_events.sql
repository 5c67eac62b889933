-- +goose Up
-- The security journal. An id is made of the time, so that ids are the order of
-- a listing, what old rows are found by, and could be what the table is
-- partitioned by. No foreign key: the journal outlives what it tells of.
CREATE TABLE security_events (
    id         text    NOT NULL PRIMARY KEY,
    at         integer NOT NULL,
    kind       text    NOT NULL,
    user_id    text,
    session_id text,
    actor      text    NOT NULL,
    door       text    NOT NULL,
    address    text    NOT NULL,
    user_agent text    NOT NULL,
    request_id text    NOT NULL,
    detail     text    NOT NULL,
    count      integer NOT NULL
) STRICT;
CREATE INDEX security_events_user_id ON security_events (user_id, id);

-- +goose Down
DROP TABLE security_events;
