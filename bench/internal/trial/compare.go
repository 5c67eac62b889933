package trial

import (
	"context"
	"errors"

	"rekey/bench/internal/baseline"
	"rekey/bench/internal/bed"
	"rekey/bench/internal/load"
)

// Names of the compared programs.
const (
	thisOne  = "this"
	otherOne = "the other"
)

// Compare measures refreshes of two binaries in turns on one Postgres, through
// the GraphQL transport. Rates of one run can be compared; rates of two runs
// cannot.
func (r Rig) Compare(ctx context.Context, other bed.Binary) (err error) {
	p, b, err := r.openSeeded(ctx, r.refreshSessions())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.Close(context.WithoutCancel(ctx))) }()
	this, err := r.start("DATABASE_URL=" + p.URL())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, this.server.Close()) }()
	r.Binary = other
	that, err := r.start("DATABASE_URL=" + p.URL())
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, that.server.Close()) }()
	this.postgres, that.postgres = p, p
	return r.compareRounds(ctx, b, this, that)
}

// compareRounds alternates which binary begins a round. pgbench ends each round.
func (r Rig) compareRounds(ctx context.Context, b *baseline.PGBench, this, that site) error {
	type turn struct {
		site
		name string
	}
	order, first := []turn{{this, thisOne}, {that, otherOne}}, 0
	for _, clients := range r.Loads {
		var samples []Sample
		for range r.Rounds {
			for _, t := range order {
				plan := load.Plan{Kind: load.GraphQL, Clients: clients, First: first, Sessions: clients, Issued: r.Source.At}
				sample, err := r.sample(ctx, t.site, t.name, plan)
				if err != nil {
					return err
				}
				samples, first = append(samples, sample), first+clients
			}
			order[0], order[1] = order[1], order[0]
			sample, err := r.pgbench(ctx, this.postgres, b, clients, 0)
			if err != nil {
				return err
			}
			samples = append(samples, sample)
		}
		r.sayCompared(clients, medians(samples))
	}
	return nil
}

func (r Rig) sayCompared(clients int, m []Sample) {
	this, that, bare := find(m, thisOne, clients), find(m, otherOne, clients), find(m, PGBench, clients)
	r.Say("%d clients: rate %.0f to %.0f/s, %.2f times (of pgbench's %.2f to %.2f); server CPU %.3f to %.3f ms, %.2f times; p50 %.2f to %.2f ms, p99 %.2f to %.2f ms, %.2f times (of pgbench's %.1f to %.1f)",
		clients, that.Rate, this.Rate, this.Rate/that.Rate, that.Rate/bare.Rate, this.Rate/bare.Rate,
		that.ServerCPU, this.ServerCPU, this.ServerCPU/that.ServerCPU,
		ms(that.P50), ms(this.P50), ms(that.P99), ms(this.P99), ms(this.P99)/ms(that.P99), ms(that.P99)/ms(bare.P99), ms(this.P99)/ms(bare.P99))
}
