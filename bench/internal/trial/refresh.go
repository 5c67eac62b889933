package trial

import (
	"context"
	"errors"
	"time"

	"rekey/bench/internal/baseline"
	"rekey/bench/internal/bed"
	"rekey/bench/internal/load"
	"rekey/bench/internal/meter"
	"rekey/bench/internal/seed"
)

const (
	cryptoRounds = 1000
	settle       = 2 * time.Second // until an idle process no longer works on its start
)

// Refresh measures refreshes on Postgres.
func (r Rig) Refresh(ctx context.Context) (out *Refresh, err error) {
	p, b, err := r.openSeeded(ctx, r.refreshSessions())
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
	out = &Refresh{Source: r.Source, Rounds: r.Rounds}
	if out.Idle, err = r.idle(ctx, s); err != nil {
		return nil, err
	}
	if err := r.refreshRounds(ctx, s, b, out); err != nil {
		return nil, err
	}
	if out.Loaded, err = meter.RSS(s.server.PID()); err != nil {
		return nil, err
	}
	s.server.Kill()
	if out.Table, err = r.finalTable(ctx, p); err != nil {
		return nil, err
	}
	out.Allocated, err = r.allocations(ctx, p)
	return out, err
}

func (r Rig) refreshSessions() int {
	n := 0
	for _, clients := range r.Loads {
		n += len(transports()) * clients
	}
	return n * r.Rounds
}

// transport is a way to refresh.
type transport struct {
	kind load.Kind
	name string
}

func transports() []transport { return []transport{{load.GraphQL, GraphQL}, {load.REST, REST}} }

func (r Rig) refreshRounds(ctx context.Context, s site, b *baseline.PGBench, out *Refresh) error {
	first, samples := 0, []Sample{}
	var cryptos []baseline.Crypto
	for range r.Rounds {
		for _, clients := range r.Loads {
			for _, transport := range transports() {
				plan := load.Plan{Kind: transport.kind, Clients: clients, First: first, Sessions: clients, Issued: r.Source.At}
				sample, err := r.quietest(ctx, s, func() (Sample, error) { return r.sample(ctx, s, transport.name, plan) })
				if err != nil {
					return err
				}
				samples, first = append(samples, sample), first+clients
			}
			sample, err := r.quietest(ctx, s, func() (Sample, error) { return r.pgbench(ctx, s.postgres, b, clients, 0) })
			if err != nil {
				return err
			}
			samples = append(samples, sample)
		}
		crypto, err := baseline.MeasureCrypto(cryptoRounds)
		if err != nil {
			return err
		}
		cryptos = append(cryptos, crypto)
		r.Say("crypto of a refresh: %.3f ms alone, %.3f ms on all cores", ms(crypto.Alone), ms(crypto.Busy))
	}
	out.Samples = medians(samples)
	out.Crypto.Alone = median(cryptos, func(c baseline.Crypto) time.Duration { return c.Alone })
	out.Crypto.Busy = median(cryptos, func(c baseline.Crypto) time.Duration { return c.Busy })
	return nil
}

// openSeeded starts a Postgres with rekey's tables, sessions, and pgbench's
// table.
func (r Rig) openSeeded(ctx context.Context, sessions int) (p *bed.Postgres, b *baseline.PGBench, err error) {
	if p, err = bed.OpenPostgres(ctx); err != nil {
		return nil, nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.Close(context.WithoutCancel(ctx)))
		}
	}()
	s, err := r.start("DATABASE_URL=" + p.URL())
	if err != nil {
		return nil, nil, err
	}
	if err = s.server.Close(); err != nil {
		return nil, nil, err
	}
	if b, err = baseline.NewPGBench(p.URL(), r.Dir); err != nil {
		return nil, nil, err
	}
	return p, b, r.grow(ctx, p, b, 0, sessions)
}

// grow creates more sessions and pgbench's table again.
func (r Rig) grow(ctx context.Context, p *bed.Postgres, b *baseline.PGBench, from, to int) error {
	if err := seed.Postgres(ctx, p.Conn, from, to, r.Source.At); err != nil {
		return err
	}
	if err := p.Exec(ctx, "VACUUM ANALYZE"); err != nil {
		return err
	}
	if err := b.Fill(ctx, p.Conn); err != nil {
		return err
	}
	return p.Exec(ctx, "CHECKPOINT")
}

func (r Rig) start(env ...string) (site, error) {
	server, err := r.Binary.Start(env...)
	return site{server: server}, err
}

// idle waits until a server has finished its start.
func (r Rig) idle(ctx context.Context, s site) (meter.Memory, error) {
	if err := pause(ctx, settle); err != nil {
		return meter.Memory{}, err
	}
	return meter.RSS(s.server.PID())
}

// finalTable reads the statistics of the sessions' table after the connections
// have ended, because Postgres counts the work of a connection at its end.
func (r Rig) finalTable(ctx context.Context, p *bed.Postgres) (meter.Table, error) {
	if err := errors.Join(pause(ctx, settle), p.Exec(ctx, "VACUUM sessions")); err != nil {
		return meter.Table{}, err
	}
	return meter.ReadTable(ctx, p.Conn, "sessions")
}

func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
