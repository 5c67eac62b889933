package trial

import (
	"context"
	"errors"

	"rekey/bench/internal/load"
	"rekey/bench/internal/seed"
)

// Chain measures a session before and after very many rotations. rekey performs
// the first and the last rotations; pgbench sends the same UPDATE for those in
// between.
func (r Rig) Chain(ctx context.Context) (out *Chain, err error) {
	p, b, err := r.openSeeded(ctx, 1)
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
	out = &Chain{Source: r.Source, Direct: r.Direct}
	if out.Before, err = r.chain(ctx, s, out); err != nil {
		return nil, err
	}
	r.Say("%d rotations of one session, sent directly", r.Direct)
	if err := b.Rotate(ctx, "sessions", 0, r.Direct); err != nil {
		return nil, err
	}
	if err := p.Exec(ctx, "VACUUM sessions"); err != nil {
		return nil, err
	}
	if out.After, err = r.chain(ctx, s, out); err != nil {
		return nil, err
	}
	s.server.Kill()
	out.Table, err = r.finalTable(ctx, p)
	return out, err
}

func (r Rig) chain(ctx context.Context, s site, out *Chain) (Sample, error) {
	if err := seed.ResetAll(ctx, s.postgres.Conn); err != nil {
		return Sample{}, err
	}
	var samples []Sample
	for range r.Rounds {
		sample, err := r.sample(ctx, s, GraphQL, load.Plan{Kind: load.GraphQL, Clients: 1, Sessions: 1, Issued: r.Source.At})
		if err != nil {
			return Sample{}, err
		}
		samples = append(samples, sample)
		out.Through += int(sample.Rate * r.Window.Seconds())
		if err := seed.ResetAll(ctx, s.postgres.Conn); err != nil {
			return Sample{}, err
		}
	}
	return medianOf(samples), nil
}
