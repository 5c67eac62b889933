-- +goose Up
ALTER TABLE security_events RENAME COLUMN door TO transport;

-- +goose Down
ALTER TABLE security_events RENAME COLUMN transport TO door;
