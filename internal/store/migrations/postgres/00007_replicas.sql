-- +goose Up
-- One row for each replica, instead of one table for its nodes and one for its
-- keys.
--
-- An earlier version that still runs can no longer report. It must not make
-- anyone trust a cache wrongly, so its last reports are kept. The lock makes sure
-- that no report is lost between the copy and the drop. A replica changes sessions
-- only for two seconds after its last report, and trusts a cache only for two
-- seconds after it last read the reports. So from then on it asks the database
-- whether a token is valid, and answers 503 to refreshes and logouts. For the
-- others it is a replica that has died: its report limits what they trust.
--
-- Reports of keys count for 30 seconds. An earlier version that still runs cannot
-- renew its report, so do not change key files together with this upgrade.
LOCK TABLE replica_notes, key_notes IN ACCESS EXCLUSIVE MODE;
CREATE TABLE replicas (
    id      text   PRIMARY KEY,
    seen_at bigint NOT NULL,
    nodes   text,
    keys    text
);
INSERT INTO replicas (id, seen_at, nodes) SELECT replica, written_at, nodes FROM replica_notes;
INSERT INTO replicas (id, seen_at, keys) SELECT replica, written_at, keys FROM key_notes;
DROP TABLE replica_notes;
DROP TABLE key_notes;

-- +goose Down
LOCK TABLE replicas IN ACCESS EXCLUSIVE MODE;
CREATE TABLE replica_notes (
    replica    text   PRIMARY KEY,
    nodes      text   NOT NULL,
    written_at bigint NOT NULL
);
CREATE TABLE key_notes (
    replica    text   PRIMARY KEY,
    keys       text   NOT NULL,
    written_at bigint NOT NULL
);
INSERT INTO replica_notes (replica, nodes, written_at) SELECT id, nodes, seen_at FROM replicas WHERE nodes IS NOT NULL;
INSERT INTO key_notes (replica, keys, written_at) SELECT id, keys, seen_at FROM replicas WHERE keys IS NOT NULL AND keys <> 'null';
DROP TABLE replicas;
