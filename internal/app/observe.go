package app

import (
	"context"
	"fmt"
	"net"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/cli"
	"rekey/internal/keyring"
	"rekey/internal/oauth"
	"rekey/internal/observe"
	"rekey/internal/store"
	"rekey/internal/web"
)

// adminTimeout is how long a profile may continue after the server has stopped.
const adminTimeout = time.Second

// openObservers creates what is configured of metrics and traces.
func (a *app) openObservers(ctx context.Context) (err error) {
	routes := []string{
		"/", graphqlPath, refreshPath, livePath, readyPath, "/auth/public-key", web.KeysPath, web.MetadataPath, web.OpenIDPath,
		oauth.IntrospectPath, oauth.RevokePath, oauth.TokenPath,
	}
	if a.cfg.AdminAddress != "" {
		build := cli.ThisBuild()
		a.metrics = observe.NewMetrics(observe.MetricsOptions{Now: a.now, Version: build.Version, Commit: build.CommitText(), Routes: routes})
	}
	if a.cfg.TracesEndpoint != "" {
		a.tracer, err = observe.OpenTracer(ctx, observe.TracerOptions{Endpoint: a.cfg.TracesEndpoint, Headers: string(a.cfg.TracesHeaders), Routes: routes, Log: a.log})
	}
	return err
}

// events returns the receiver of events: the log, and the metrics if there are
// any.
func (a *app) events() auth.Events {
	log := auth.LogEvents{Logger: a.log}
	if a.metrics == nil {
		return log
	}
	return auth.AllEvents{log, a.metrics}
}

// observer returns the metrics and the tracer as the core's observer, or nil if
// there is neither.
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

// countError counts an error that a GraphQL client got.
func (a *app) countError(code auth.Code) {
	if a.metrics != nil {
		a.metrics.GraphQLError(code)
	}
}

// exportStates registers the metrics that are read from the parts of the
// program at each scrape.
func (a *app) exportStates() {
	m := a.metrics
	if m == nil {
		return
	}
	m.Counters("rekey_blacklist_checks_total",
		"Checks of access tokens, by the source that answered (cache, database) and the outcome of the cache.",
		[]string{"source", "reason"}, func(emit func(float64, ...string)) {
			for outcome, n := range a.cache.Counts() {
				source := "database"
				if outcome == blacklist.Cleared {
					source = "cache"
				}
				emit(float64(n), source, string(outcome))
			}
		})
	m.Gauge("rekey_passwords_hashing", "Passwords that are being hashed.", func() int { n, _ := a.passwords.Load(); return n })
	m.Gauge("rekey_passwords_waiting", "Passwords that wait to be hashed.", func() int { _, n := a.passwords.Load(); return n })
	m.Flag("rekey_clock_skewed", "1 while this replica's clock differs too much from the database's, and token operations are refused.", a.core.ClockSkewed)
	m.Gauge("rekey_stream_connections", "Open connections for streams.", a.streams.open.Open)
	m.Gauge("rekey_stream_sockets_pending", "WebSockets that have not authenticated yet.", a.streams.open.Pending)
	m.Gauge("rekey_session_streams", "Subscriptions to session events.", a.streams.hub.Followers)
	m.Flag("rekey_key_ring_failing", "1 while this replica cannot update its key ring.", func() bool { return a.ring.Check(context.Background()) != nil })
	m.Gauges("rekey_key_age_seconds", "Age of the current key, unless it is read from a file.", []string{"purpose"}, func(emit func(float64, ...string)) {
		now := a.now()
		for _, k := range a.ring.Keys() {
			if k.State == keyring.Current && !k.File {
				emit(max(0, now.Sub(k.CreatedAt).Seconds()), string(k.Purpose))
			}
		}
	})
	if a.droppedLines != nil {
		m.Counters("rekey_log_lines_dropped_total", "Lines of the log that were dropped because stdout did not accept them.", nil,
			func(emit func(float64, ...string)) { emit(float64(a.droppedLines())) })
	}
	a.exportConnections()
	a.exportPools()
	a.exportMails()
	a.exportBreached()
	a.exportDeletions()
	if a.redis != nil {
		a.exportRedis()
	}
}

func (a *app) exportPools() {
	read := func(value func(store.PoolStats) float64) observe.Read {
		return func(emit func(float64, ...string)) {
			for _, p := range a.store.PoolStats() {
				emit(value(p), p.Name)
			}
		}
	}
	m, pool := a.metrics, []string{"pool"}
	m.Gauges("rekey_database_connections_max", "Maximum number of connections to the database.", pool, read(func(p store.PoolStats) float64 { return float64(p.MaxOpenConnections) }))
	m.Gauges("rekey_database_connections_open", "Open connections to the database.", pool, read(func(p store.PoolStats) float64 { return float64(p.OpenConnections) }))
	m.Gauges("rekey_database_connections_busy", "Connections to the database that are in use.", pool, read(func(p store.PoolStats) float64 { return float64(p.InUse) }))
	m.Counters("rekey_database_waits_total", "Requests that waited for a connection to the database.", pool, read(func(p store.PoolStats) float64 { return float64(p.WaitCount) }))
	m.Counters("rekey_database_wait_seconds_total", "Time spent waiting for a connection to the database.", pool, read(func(p store.PoolStats) float64 { return p.WaitDuration.Seconds() }))
}

func (a *app) exportRedis() {
	m := a.metrics
	m.Flag("rekey_redis_trusted", "1 while Redis answers access checks; 0 while they query the database.", func() bool { return a.cache.Status().Trusted })
	m.Gauge("rekey_redis_breakers_open", "Redis nodes that are bypassed because they timed out.", a.redis.OpenBreakers)
	m.Gauges("rekey_redis_connections", "Connections to Redis.", []string{"state"}, func(emit func(float64, ...string)) {
		open, idle := a.redis.Connections()
		emit(float64(open-idle), "busy")
		emit(float64(idle), "idle")
	})
	if a.limit == nil {
		return
	}
	m.Flag("rekey_limits_shared", "1 while Redis counts rate limits for all replicas; 0 while this replica counts alone.", a.limit.Sharing)
	m.Counters("rekey_limit_counts_total", "Requests that were counted against shared limits: by redis, or by this replica alone.", []string{"counted"}, func(emit func(float64, ...string)) {
		shared, alone := a.limit.Counts()
		emit(float64(shared), "redis")
		emit(float64(alone), "alone")
	})
}

// serveAdmin serves metrics and profiles until the returned function is called.
// The address is nil if ADMIN_ADDR is not set.
func (a *app) serveAdmin(ctx context.Context) (address net.Addr, stop func(), err error) {
	if a.metrics == nil {
		return nil, func() {}, nil
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", a.cfg.AdminAddress)
	if err != nil {
		return nil, nil, cannotListen("ADMIN_ADDR", fmt.Errorf("listening on ADMIN_ADDR: %w", err))
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := web.Serve(ctx, listener, web.AdminServer(a.metrics, a.cfg.AdminHosts, a.log), adminTimeout); err != nil {
			a.log.Warn("metrics are no longer served until a restart", "error", err)
		}
	}()
	return listener.Addr(), func() { cancel(); <-done }, nil
}
