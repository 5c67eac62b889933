package app

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/cli"
	"rekey/internal/keyring"
	"rekey/internal/metrics"
	"rekey/internal/oauth"
	"rekey/internal/tracing"
	"rekey/internal/web"
)

// adminTimeout is how long a profile may go on once the server has ended.
const adminTimeout = time.Second

// openObservers is called before there is a core, which is to tell them.
func (a *app) openObservers(ctx context.Context) (err error) {
	routes := []string{
		"/", graphqlPath, refreshPath, livePath, readyPath, "/auth/public-key", web.KeysPath, web.MetadataPath,
		oauth.IntrospectPath, oauth.RevokePath,
	}
	if a.cfg.AdminAddress != "" {
		build := cli.ThisBuild()
		a.metrics = metrics.New(metrics.Options{Now: a.now, Version: build.Version, Commit: build.CommitText(), Routes: routes})
	}
	if a.cfg.TracesEndpoint != "" {
		a.tracer, err = tracing.Open(ctx, tracing.Options{Endpoint: a.cfg.TracesEndpoint, Headers: string(a.cfg.TracesHeaders), Routes: routes, Log: a.log})
	}
	return err
}

// events go to the log, and are counted.
func (a *app) events() auth.Events {
	log := auth.LogEvents{Logger: a.log}
	if a.metrics == nil {
		return log
	}
	return auth.AllEvents{log, a.metrics}
}

// observer returns what receives the steps of the core, or nil.
func (a *app) observer() auth.Observer {
	var all auth.Observers
	if a.metrics != nil {
		all = append(all, a.metrics)
	}
	if a.tracer != nil {
		all = append(all, a.tracer)
	}
	if len(all) == 0 {
		return nil
	}
	return all
}

// trace begins the trace of a request.
func (a *app) trace() web.Trace {
	if a.tracer == nil {
		return nil
	}
	return a.tracer.Request
}

// closeTracer sends the last spans. That they are lost is no failure.
func (a *app) closeTracer() {
	if a.tracer == nil {
		return
	}
	if err := a.tracer.Close(context.Background()); err != nil {
		a.log.Warn("the last traces are lost", "error", err)
	}
}

// answered is told of what HTTP requests come to.
func (a *app) answered() web.Answered {
	if a.metrics == nil {
		return nil
	}
	return a.metrics.Answered
}

// watch names the states that metrics are read from.
func (a *app) watch() {
	if a.metrics == nil {
		return
	}
	s := metrics.Sources{
		AccessChecks: func() map[string]uint64 { return named(a.cache.Counts()) }, Cleared: string(blacklist.Cleared),
		Pools: a.pools, Passwords: a.passwords.Load, ClockSkewed: a.core.ClockSkewed,
		Keys: a.keys, KeysFailing: func() bool { return a.ring.Check(context.Background()) != nil },
		Streams: func() (int, int) { return a.streams.open.Open(), a.streams.hub.Followers() },
	}
	if a.redis != nil {
		s.Redis = &metrics.Redis{
			Trusted:      func() bool { return a.cache.Status().Trusted },
			OpenBreakers: a.redis.OpenBreakers, Connections: a.redis.Connections,
		}
		if a.limit != nil {
			s.Redis.Sharing, s.Redis.Counts = a.limit.Sharing, a.limit.Counts
		}
	}
	a.metrics.Watch(s)
}

// keys are those in use. One that is read from a file has no age.
func (a *app) keys() []metrics.Key {
	now := a.now()
	var all []metrics.Key
	for _, k := range a.ring.Keys() {
		if k.State == keyring.Current && !k.File {
			all = append(all, metrics.Key{Purpose: string(k.Purpose), Age: max(0, now.Sub(k.CreatedAt))})
		}
	}
	return all
}

func named(counts map[blacklist.Outcome]uint64) map[string]uint64 {
	all := make(map[string]uint64, len(counts))
	for outcome, n := range counts {
		all[string(outcome)] = n
	}
	return all
}

func (a *app) pools() []metrics.Pool {
	stats := a.store.PoolStats()
	pools := make([]metrics.Pool, len(stats))
	for i, s := range stats {
		pools[i] = metrics.Pool{
			Name: s.Name, Most: s.MaxOpenConnections, Open: s.OpenConnections, Busy: s.InUse,
			Waits: s.WaitCount, Waited: s.WaitDuration,
		}
	}
	return pools
}

// serveAdmin serves metrics until the returned function is called. address is
// nil when they are off.
func (a *app) serveAdmin(ctx context.Context) (address net.Addr, stop func(), err error) {
	if a.metrics == nil {
		return nil, func() {}, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.cfg.AdminAddress)
	if err != nil {
		return nil, nil, inUse(fmt.Errorf("listening on ADMIN_ADDR: %w", err))
	}
	stop = serveUntil(ctx, func(ctx context.Context) {
		if err := web.Serve(ctx, listener, a.adminServer(), adminTimeout); err != nil {
			a.log.Warn("metrics are served no more", "error", err)
		}
	})
	return listener.Addr(), stop, nil
}

func (a *app) adminServer() *http.Server { return web.AdminServer(a.metrics, a.log) }

// serveUntil runs serve until the returned function is called, which waits for
// its end.
func serveUntil(ctx context.Context, serve func(ctx context.Context)) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		serve(ctx)
	}()
	return func() { cancel(); <-done }
}
