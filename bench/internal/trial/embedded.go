package trial

import (
	"context"
	"errors"
	"path/filepath"

	"rekey/bench/internal/baseline"
	"rekey/bench/internal/load"
)

// bareSessions are reserved for the bare loop.
const bareSessions = 8

// Embedded measures refreshes on SQLite. It alternates with a loop of the same
// statement on the same file while the server is idle.
func (r Rig) Embedded(ctx context.Context) (out *Embedded, err error) {
	dir := filepath.Join(r.Dir, "embedded")
	if err := r.seedSQLite(ctx, dir, bareSessions+r.refreshSessions()); err != nil {
		return nil, err
	}
	s, err := r.start("DATA_DIR=" + dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.server.Close()) }()
	first, samples, bare := bareSessions, []Sample{}, []float64{}
	for range r.Rounds {
		for _, clients := range r.Loads {
			plan := load.Plan{Kind: load.GraphQL, Clients: clients, First: first, Sessions: clients, Issued: r.Source.At}
			sample, err := r.sample(ctx, s, GraphQL, plan)
			if err != nil {
				return nil, err
			}
			samples, first = append(samples, sample), first+clients
		}
		rate, err := baseline.SQLiteLoop(ctx, databaseIn(dir), bareSessions, r.Window, r.Now)
		if err != nil {
			return nil, err
		}
		r.Say("the bare statement: %.0f/s", rate)
		bare = append(bare, rate)
	}
	return &Embedded{
		Source: r.Source, Samples: medians(samples),
		Bare: median(bare, func(rate float64) float64 { return rate }),
	}, nil
}
