-- +goose Up
-- Which keys each replica has. It is for those whose keys are files.
CREATE TABLE key_notes (
    replica    text    NOT NULL PRIMARY KEY,
    keys       text    NOT NULL,
    written_at integer NOT NULL
) STRICT;

-- +goose Down
DROP TABLE key_notes;
