package blacklist

import (
	"context"
	"time"

	"rekey/internal/auth"
)

// scoped names nodes together with the life of access tokens. An entry is kept
// as long as its writer thinks that a token lives; a replica that lets tokens
// live longer would find it gone too early. So those that differ name different
// nodes, do not trust each other's, and ask SQL.
type scoped struct {
	backend
	life string
}

func (s scoped) node(run string) string {
	if run == "" {
		return "" // tells no run id, so it is never trusted
	}
	return run + "@" + s.life
}

func (s scoped) nodes(runs []string, err error) ([]string, error) {
	named := make([]string, len(runs))
	for i, run := range runs {
		named[i] = s.node(run)
	}
	return named, err
}

func (s scoped) masters(ctx context.Context) ([]string, error) {
	return s.nodes(s.backend.masters(ctx))
}

func (s scoped) mark(ctx context.Context, at time.Time, reset bool) ([]string, error) {
	return s.nodes(s.backend.mark(ctx, at, reset))
}

func (s scoped) put(ctx context.Context, entries []entry) ([]string, error) {
	return s.nodes(s.backend.put(ctx, entries))
}

func (s scoped) look(ctx context.Context, sessionID string, secret auth.SecretHash, now time.Time) (sighting, error) {
	found, err := s.backend.look(ctx, sessionID, secret, now)
	found.node = s.node(found.node)
	return found, err
}
