package trial

import (
	"context"
	"errors"

	"rekey/bench/internal/bed"
	"rekey/bench/internal/load"
	"rekey/bench/internal/meter"
	"rekey/bench/internal/seed"
	"rekey/internal/test/throwaway"
)

// allocations measures what a server allocates for refreshes through each
// transport. Its server opens the admin address, which the servers of other
// measurements do not.
func (r Rig) allocations(ctx context.Context, p *bed.Postgres) (out []Allocation, err error) {
	if err := seed.ResetAll(ctx, p.Conn); err != nil {
		return nil, err
	}
	admin, err := throwaway.FreeAddr()
	if err != nil {
		return nil, err
	}
	s, err := r.start("DATABASE_URL="+p.URL(), "ADMIN_ADDR="+admin)
	if err != nil {
		return nil, err
	}
	s.postgres = p
	defer func() { err = errors.Join(err, s.server.Close()) }()
	clients := r.Loads[0]
	for i, transport := range transports() {
		before, err := meter.ReadHeap(ctx, admin)
		if err != nil {
			return nil, err
		}
		plan := load.Plan{Kind: transport.kind, Clients: clients, First: i * clients, Sessions: clients, Issued: r.Source.At}
		sample, err := r.sample(ctx, s, transport.name, plan)
		if err != nil {
			return nil, err
		}
		after, err := meter.ReadHeap(ctx, admin)
		if err != nil {
			return nil, err
		}
		n := max(1, float64(sample.Done))
		out = append(out, Allocation{transport.name, float64(after.Objects-before.Objects) / n, float64(after.Bytes-before.Bytes) / n})
	}
	return out, nil
}
