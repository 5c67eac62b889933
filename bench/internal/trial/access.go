package trial

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"rekey/bench/internal/baseline"
	"rekey/bench/internal/bed"
	"rekey/bench/internal/load"
	"rekey/bench/internal/seed"
	"rekey/internal/test/throwaway"
)

const (
	accessClients = 8
	// shortLeeway makes Redis answer for tokens soon after its marker was set,
	// so that the bench need not wait a minute.
	shortLeeway = "CLOCK_LEEWAY=1s"
	trusted     = 18 * time.Second
)

// Access measures logins, and access checks by the component that answers them.
func (r Rig) Access(ctx context.Context) (out *Access, err error) {
	p, _, err := r.openSeeded(ctx, 2*accessClients)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.Close(context.WithoutCancel(ctx))) }()
	redis, err := throwaway.OpenRedis()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, redis.Close()) }()
	dir := filepath.Join(r.Dir, "access")
	if err := r.seedSQLite(ctx, dir, accessClients); err != nil {
		return nil, err
	}
	out = &Access{Source: r.Source}
	me := load.Plan{Kind: load.Me, Clients: accessClients, Sessions: accessClients, Issued: r.Source.At}
	second := me
	second.First, second.Settle = accessClients, trusted
	for _, c := range []struct {
		what string
		on   *bed.Postgres
		plan load.Plan
		env  []string
	}{
		{Login, p, load.Plan{Kind: load.Login, Clients: accessClients}, []string{"DATABASE_URL=" + p.URL()}},
		{OnSQL, p, me, []string{"DATABASE_URL=" + p.URL()}},
		{OnRedis, p, second, []string{"DATABASE_URL=" + p.URL(), "REDIS_URL=" + redis.URL(), shortLeeway}},
		{OnMemory, nil, me, []string{"DATA_DIR=" + dir}},
	} {
		sample, err := r.one(ctx, c.what, c.on, c.plan, c.env)
		if err != nil {
			return nil, err
		}
		out.Samples = append(out.Samples, sample)
	}
	return out, nil
}

// one takes one sample on a server of its own.
func (r Rig) one(ctx context.Context, what string, p *bed.Postgres, plan load.Plan, env []string) (sample Sample, err error) {
	s, err := r.start(env...)
	if err != nil {
		return Sample{}, err
	}
	defer func() { err = errors.Join(err, s.server.Close()) }()
	s.postgres = p
	return r.sample(ctx, s, what, plan)
}

// seedSQLite creates a DATA_DIR with sessions.
func (r Rig) seedSQLite(ctx context.Context, dir string, sessions int) (err error) {
	s, err := r.start("DATA_DIR=" + dir)
	if err != nil {
		return err
	}
	if err := s.server.Close(); err != nil {
		return err
	}
	db, err := baseline.OpenSQLite(databaseIn(dir))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	return seed.SQLite(ctx, db, 0, sessions, r.Source.At)
}

func databaseIn(dir string) string { return filepath.Join(dir, "rekey.db") }
