package store

import (
	"context"
	"errors"
)

// writeCheckID is the row of replicas that CheckWrite changes. It belongs to no
// replica: it has neither nodes nor keys.
const writeCheckID = "write-check"

// CheckWrite does what Ping does, and commits a change of one row, which all
// processes share, to check that the database accepts writes and has space for
// them. Its error is CodeUnavailable; see WriteProblem.
func (s *Store) CheckWrite(ctx context.Context) error {
	if err := s.Ping(ctx); err != nil {
		return err
	}
	_, err := s.exec(ctx, nil, `INSERT INTO replicas (id, seen_at) VALUES ( @id, `+s.dialect.clock+`)
		ON CONFLICT (id) DO UPDATE SET seen_at = excluded.seen_at`, params{"id": writeCheckID})
	return fail("checking a write", err)
}

const readOnlyProblem = "it accepts no writes"

// WriteProblem returns why the database accepts no writes although it answers,
// or "" if err does not say so.
func WriteProblem(err error) string {
	if errors.Is(err, errReadOnlyServer) {
		return readOnlyProblem
	}
	var engine *engineError
	if !errors.As(err, &engine) {
		return ""
	}
	switch engine.code {
	case "SQLSTATE 25006", "SQLite 8":
		return readOnlyProblem
	case "SQLSTATE 53100", "SQLite 13":
		return "its disk is full"
	}
	return ""
}
