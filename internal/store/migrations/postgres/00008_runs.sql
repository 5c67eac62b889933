-- +goose Up
-- When the last two runs of rotations began, and the iat of the tokens that were
-- replaced then; and the transport of the last rotation. No index covers these
-- columns, because a rotation changes them. An earlier version that still runs
-- leaves them as they are: it begins no run, and refuses a burst as before.
ALTER TABLE sessions ADD COLUMN run_at bigint;
ALTER TABLE sessions ADD COLUMN run_iat bigint;
ALTER TABLE sessions ADD COLUMN before_run_at bigint;
ALTER TABLE sessions ADD COLUMN before_run_iat bigint;
ALTER TABLE sessions ADD COLUMN rotated_by text NOT NULL DEFAULT '';

-- +goose Down
ALTER TABLE sessions DROP COLUMN rotated_by;
ALTER TABLE sessions DROP COLUMN before_run_iat;
ALTER TABLE sessions DROP COLUMN before_run_at;
ALTER TABLE sessions DROP COLUMN run_iat;
ALTER TABLE sessions DROP COLUMN run_at;
