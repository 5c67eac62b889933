-- +goose Up
-- Which keys each replica has. It is for those whose keys are files.
CREATE TABLE key_notes (
    replica    text   PRIMARY KEY,
    keys       text   NOT NULL,
    written_at bigint NOT NULL
);

-- +goose Down
DROP TABLE key_notes;
