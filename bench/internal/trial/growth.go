package trial

import (
	"context"
	"errors"

	"rekey/bench/internal/baseline"
	"rekey/bench/internal/bed"
	"rekey/bench/internal/load"
	"rekey/bench/internal/meter"
	"rekey/bench/internal/seed"
)

const (
	growthClients = 32
	// visited limits the sessions that a sample visits, spread evenly. There are
	// more than it has time for.
	visited = 1500 * growthClients
)

// Growth measures refreshes by the number of sessions.
func (r Rig) Growth(ctx context.Context) (out *Growth, err error) {
	p, b, err := r.openSeeded(ctx, r.Sessions[0])
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close(context.WithoutCancel(ctx))) }()
	s, err := r.start("DATABASE_URL=" + p.URL())
	if err != nil {
		return nil, err
	}
	s.postgres = p
	defer func() { err = errors.Join(err, s.server.Close()) }()
	out = &Growth{Source: r.Source}
	have := r.Sessions[0]
	for _, sessions := range r.Sessions {
		r.Say("%d sessions", sessions)
		if sessions > have {
			if err := r.grow(ctx, p, b, have, sessions); err != nil {
				return nil, err
			}
			have = sessions
		}
		point, err := r.point(ctx, s, b, sessions)
		if err != nil {
			return nil, err
		}
		out.Points = append(out.Points, point)
	}
	return out, nil
}

func (r Rig) point(ctx context.Context, s site, b *baseline.PGBench, sessions int) (Point, error) {
	if err := touch(ctx, s.postgres); err != nil {
		return Point{}, err
	}
	// A session is visited in one round only, because the clients know only its
	// first token.
	each := min(sessions/r.Rounds, visited) / growthClients * growthClients
	stride := max(r.Rounds, sessions/each)
	var ours, theirs []Sample
	for round := range r.Rounds {
		plan := load.Plan{
			Kind: load.GraphQL, Clients: growthClients, Issued: r.Source.At,
			First: round, Sessions: each, Stride: stride,
		}
		sample, err := r.sample(ctx, s, GraphQL, plan)
		if err != nil {
			return Point{}, err
		}
		ours = append(ours, sample)
		if sample, err = r.pgbench(ctx, s.postgres, b, growthClients, sessions); err != nil {
			return Point{}, err
		}
		theirs = append(theirs, sample)
	}
	table, err := meter.ReadTable(ctx, s.postgres.Conn, "sessions")
	point := Point{Sessions: sessions, Ours: medianOf(ours), Theirs: medianOf(theirs), Table: table}
	// Resets them, so that the next number of sessions can visit them again.
	return point, errors.Join(err, seed.ResetAll(ctx, s.postgres.Conn))
}

// touch writes to each page once after a checkpoint, as on a server in use: the
// first change of a page logs the whole page.
func touch(ctx context.Context, p *bed.Postgres) error {
	errs := []error{p.Exec(ctx, "CHECKPOINT")}
	for _, table := range []string{"sessions", "bench_swap"} {
		errs = append(errs, p.Exec(ctx, `UPDATE `+table+` SET last_seen_at = last_seen_at WHERE ctid = ANY (ARRAY(
			SELECT format('(%s,1)', page)::tid FROM generate_series(0, pg_relation_size('`+table+`') / 8192 - 1) page))`))
	}
	return errors.Join(errs...)
}
