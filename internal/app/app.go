package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"rekey/compat"
	"rekey/graph"
	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/breached"
	"rekey/internal/cli"
	"rekey/internal/config"
	"rekey/internal/explorer"
	"rekey/internal/graphqlhttp"
	"rekey/internal/inbox"
	"rekey/internal/keyring"
	"rekey/internal/limit"
	"rekey/internal/oauth"
	"rekey/internal/observe"
	"rekey/internal/outbox"
	"rekey/internal/pages"
	"rekey/internal/redispool"
	"rekey/internal/store"
	"rekey/internal/stream"
	"rekey/internal/web"
	"rekey/resolvers"
)

const (
	limitedKeys   = 1 << 17 // clients and sessions that a limit keeps in memory
	passwordQueue = 64      // logins that may wait for a password to be hashed
	clockEvery    = 5 * time.Second
	cleanEvery    = time.Minute
)

// The paths that are served, in addition to those of the explorer.
const (
	graphqlPath = "/graphql"
	schemaPath  = "/schema.graphql"
	refreshPath = "/auth/refresh"
	livePath    = "/livez"
	readyPath   = "/readyz"
)

// role distinguishes a server from a command.
type role bool

const (
	command role = false // one change, possibly beside a running server
	server  role = true
)

// app holds the core and everything that it uses.
type app struct {
	*program
	replica string // the id of this process among the replicas
	core    *auth.Service
	store   *store.Store
	// passwords hashes the passwords of the core.
	passwords *auth.Passwords
	breached  *breached.Checker // nil without lists of leaked passwords
	redis     *redispool.Pool   // nil without REDIS_URL
	limit     *limit.Redis      // nil without REDIS_URL or limits
	cache     *blacklist.Cache
	ring      *keyring.Ring // not started for a command
	sealer    *keyring.Sealer
	mailer    auth.Mailer
	service   string         // the name that people know the service by
	outbox    *outbox.Worker // nil for a command
	drain     drain
	// connections limits those of clients; nil for a command.
	connections *web.Connections
	database    *databaseCheck

	streams streams
	metrics *observe.Metrics // nil without ADMIN_ADDR
	tracer  *observe.Tracer  // nil without OTEL_EXPORTER_OTLP_ENDPOINT
}

func (p *program) openStore(ctx context.Context, as role) (*store.Store, error) {
	if err := os.MkdirAll(p.cfg.DataDir, 0o700); err != nil {
		return nil, cli.Fail(cli.ExitConfiguration, fmt.Errorf("making DATA_DIR: %w", err))
	}
	st, err := store.Open(ctx, store.Options{
		URL: string(p.cfg.DatabaseURL), ReadURL: p.readDatabaseURL, Path: p.databasePath(),
		Exclusive: as == server, Logger: p.log, DatabaseClock: p.databaseClock,
		Wait: p.cfg.DatabaseWait, MaxOpenConns: p.cfg.DatabaseMaxConns,
	})
	if p.cfg.DatabaseURL == "" && store.NotWritable(err) {
		err = fmt.Errorf("%w: DATA_DIR and the files in it must be writable for uid %d: run as the user who owns them, or chown or chmod them", auth.Cause(err), os.Geteuid())
	}
	return st, inUse(err)
}

// readDatabaseURL reads DATABASE_URL again, or the file that contains it.
func (p *program) readDatabaseURL() (string, error) {
	cfg, err := config.Load(p.getenv)
	if cfg.DatabaseURL == "" {
		return "", fmt.Errorf("reading DATABASE_URL again: %w", err)
	}
	return string(cfg.DatabaseURL), nil // other settings are those of the start
}

func (p *program) databasePath() string { return filepath.Join(p.cfg.DataDir, "rekey.db") }

// open wires the core. The caller must close the app.
func (p *program) open(ctx context.Context, as role) (_ *app, err error) {
	st, err := p.openStore(ctx, as)
	if err != nil {
		return nil, err
	}
	a := &app{program: p, store: st, database: &databaseCheck{store: st, now: p.now}, replica: rand.Text()}
	if as == command {
		a.replica = auth.CommandReplica + a.replica
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, a.close())
		}
	}()
	if as == server {
		if err := a.openObservers(ctx); err != nil {
			return nil, err
		}
		a.openConnections()
	}
	if _, err := st.Migrate(ctx); err != nil {
		return nil, err
	}
	tokens, rotation, err := a.openKeys(ctx, as)
	if err != nil {
		return nil, err
	}
	if err = a.openMail(as); err != nil {
		return nil, err
	}
	if err = a.openCache(ctx, as); err != nil {
		return nil, err
	}
	if as == server {
		if err = a.openBreached(); err != nil {
			return nil, err
		}
	}
	a.openBus()
	observer, limiter := a.observer(), a.limiter(as, rotation)
	a.passwords = auth.NewPasswords(runtime.GOMAXPROCS(0)/2, passwordQueue, observer)
	options := p.faults.Core(auth.Options{
		Settings: settings(p.cfg), Store: stream.Publish(st, a.streams.bus), Tokens: tokens, Blacklist: a.blacklist(as), Limiter: limiter,
		Limits: p.cfg.Limits, Events: a.events(), Now: p.now, RotationKeys: rotation, Passwords: a.passwords, Observer: observer, Logger: p.log,
		Outbox: st, Sealer: a.sealer, SendsMail: a.mailer.Configured(), AppURL: a.cfg.PublicURL(), OnMail: a.wakeOutbox,
	})
	if a.breached != nil {
		options.Breached = a.breached
	}
	if p.changeCore != nil {
		p.changeCore(&options)
	}
	if a.core, err = auth.New(options); err != nil {
		return nil, err
	}
	a.openStreams(options, auth.NewAPIKeys(auth.APIKeyOptions{Store: st, Limiter: limiter, Limits: p.cfg.Limits, Observer: observer, Now: p.now, Logger: p.log}))
	a.exportStates()
	return a, nil
}

// openCache opens the invalidation cache. A server joins the replicas at once; a
// command joins them before its first change, if it makes one.
func (a *app) openCache(ctx context.Context, as role) (err error) {
	if a.cfg.RedisURL != "" {
		a.redis, err = redispool.Open(redispool.Options{URL: string(a.cfg.RedisURL), Logger: a.log})
		if err != nil {
			return fmt.Errorf("reading REDIS_URL: %w", err)
		}
	}
	o := blacklist.Options{
		Replica: a.replica, Notes: a.store, Now: a.now, After: time.After, Logger: a.log, Redis: a.redis,
		AccessLifetime: a.cfg.AccessTTL, ClockLeeway: a.cfg.ClockLeeway,
	}
	switch {
	case a.redis != nil:
		a.cache = blacklist.NewRedis(o)
	case as == server && a.store.Dialect() == store.SQLite:
		// It is the only writer except commands: the rows of earlier processes are obsolete.
		a.cache = blacklist.NewMemory(o)
		if err := a.store.DeleteReplicas(ctx, 0); err != nil {
			return fmt.Errorf("opening the blacklist's cache: %w", err)
		}
	default:
		a.cache = blacklist.NewNone(o)
	}
	if as == command {
		return nil // see lazyJoin
	}
	return a.cache.Join(ctx)
}

// blacklist returns the cache that changes are written to before they commit.
func (a *app) blacklist(as role) auth.Blacklist {
	if as == command {
		return &lazyJoin{Cache: a.cache}
	}
	return a.cache
}

// limiter returns the limiter, which uses Redis for limits that replicas share,
// and reports to the metrics. On Redis, the newest rotation key conceals what is
// counted; a command has no keys and is not limited with others.
func (a *app) limiter(as role, rotation func() [][]byte) (l auth.Limiter) {
	switch local := limit.NewMemory(limitedKeys, a.now); {
	case !a.cfg.RateLimits:
		l = limit.Off{}
	case a.redis == nil || as == command:
		l = local
	default:
		a.limit = limit.NewRedis(a.redis, func() []byte { return rotation()[0] }, local, a.log)
		l = a.limit
	}
	if a.metrics != nil {
		l = a.metrics.Limiter(l)
	}
	return l
}

func (a *app) close() error {
	if a.tracer != nil {
		if err := a.tracer.Close(context.Background()); err != nil {
			a.log.Warn("the last traces are lost", "error", err)
		}
	}
	if a.streams.keys != nil {
		a.streams.keys.Wait()
	}
	if a.breached != nil {
		if err := a.breached.Close(); err != nil {
			a.log.Warn("closing the list of leaked passwords failed", "error", err)
		}
	}
	if a.redis == nil {
		return a.store.Close()
	}
	if a.streams.bus != nil {
		a.streams.bus.Flush(context.Background())
	}
	return errors.Join(a.redis.Close(), a.store.Close())
}

func (a *app) handler() http.Handler {
	present := resolvers.Presenter{Log: a.log, Count: a.countError}
	root := &resolvers.Resolver{Auth: a.core, CookieMode: a.cfg.CookieMode, Streams: a.streams.hub}
	gql := graphqlhttp.New(resolvers.NewSchema(root), graphqlhttp.Options{
		Present: present.Present, Recover: present.Recover,
		Admit: a.admit, WithAnswer: resolvers.WithAnswer, WithEnd: resolvers.WithEnd, WithoutTimeout: web.WithoutTimeout, HideSchema: !a.cfg.Introspection,
		Extensions: []graphql.HandlerExtension{
			resolvers.Authentication{Auth: a.core, Keys: a.streams.keys},
		},
		Streams: a.streams.open,
	})
	routes := map[string]http.Handler{graphqlPath: gql, livePath: web.Live(), readyPath: web.Ready(a.log, a.checks())}
	legacy := compat.New(compat.Options{Auth: a.core, PublicKey: a.publicKey, Logger: a.log})
	if a.cfg.Explorer {
		legacy = explorer.New(legacy, explorer.Options{Inbox: a.inbox()})
		routes[graphqlPath] = explorer.FromBrowser(gql)
	}
	if a.inbox() {
		legacy = inbox.New(inbox.Options{Directory: a.mailDirectory(), Proxies: a.cfg.TrustedProxies, Logger: a.log}, legacy)
	}
	if a.cfg.AccountPage {
		maps.Copy(routes, pages.Handlers(pages.Options{Service: a.service, CookieMode: a.cfg.CookieMode}))
	}
	if a.cfg.Introspection {
		routes[schemaPath] = web.Text(graph.SDL)
	}
	maps.Copy(routes, a.wellKnown().Handlers())
	maps.Copy(routes, oauth.Handlers(oauth.Options{Auth: a.core, Keys: a.streams.keys, Logger: a.log}))
	route := func(w http.ResponseWriter, r *http.Request) {
		h, ok := routes[r.URL.EscapedPath()]
		if !ok {
			h = legacy // it answers 404 to unknown paths
		}
		h.ServeHTTP(w, r)
	}
	o := web.Options{
		Log: a.log, Now: a.now, Proxies: a.cfg.TrustedProxies, RenderError: compat.RenderError,
		RequestTimeout: a.cfg.RequestTimeout,
		CORS: web.CORSOptions{
			Origins: a.cfg.CORSOrigins, Credentials: a.cfg.CookieMode,
			OwnHeaders: func(path string) bool { return path == graphqlPath }, Headers: a.cfg.CORSHeaders,
		},
		LimitHeaders: compat.TellLimits, Legacy: compat.Serves,
	}
	if a.metrics != nil {
		o.Answered, o.ForwardedIgnored = a.metrics.Answered, a.metrics.ForwardedIgnored
	}
	if a.tracer != nil {
		o.Trace = a.tracer.Request
	}
	return web.Chain(a.connections.Handler(a.faults.Handler(http.HandlerFunc(route))), o)
}

// admit refuses requests before they are parsed: those of foreign origins in
// cookie mode, and those of clients over their limit. Without a cookie a foreign
// page has nothing to act with.
func (a *app) admit(r *http.Request) error {
	if a.cfg.CookieMode {
		if err := web.CheckOrigin(r, a.cfg.CORSOrigins); err != nil {
			return err
		}
	}
	return a.core.Admit(r.Context(), auth.ClientFrom(r.Context()))
}

// checks returns the checks of readiness.
func (a *app) checks() []web.Check {
	checks := []web.Check{
		{Name: "database", Func: a.database.run},
		{Name: "clock", Func: a.checkClock},
		{Name: "keys", Func: a.ring.Check},
		{Name: "server", Func: a.drain.check},
	}
	optional := func(name string, holds func() bool, otherwise web.NotReady) {
		checks = append(checks, web.Check{Name: name, Optional: true, Func: func(context.Context) error {
			if holds() {
				return nil
			}
			return otherwise
		}})
	}
	if a.redis != nil {
		// The reason is only in the cache's log, because it contains host names.
		optional("redis", func() bool { return a.cache.Status().Trusted }, "not trusted: access checks ask the database")
	}
	if a.limit != nil {
		optional("limits", a.limit.Sharing, "not shared: this replica counts requests alone")
	}
	return checks
}

// keepUp runs the background tasks until the returned function is called. That
// function waits for their end.
func (a *app) keepUp(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() { a.cache.Run(ctx) })
	if a.store.Dialect() == store.Postgres { // SQLite's file cannot be demoted
		wg.Go(func() { a.database.watch(ctx) })
	}
	wg.Go(func() { a.ring.Run(ctx, nil) })
	wg.Go(func() { a.streams.run(ctx, a.ticks) })
	wg.Go(func() { a.core.WatchClock(ctx, clockEvery, a.log) })
	wg.Go(func() { a.store.KeepClean(ctx, cleanEvery, a.cfg.SecurityEventsRetention) })
	wg.Go(func() { a.core.WatchDeletions(ctx, cleanEvery) })
	wg.Go(func() { a.outbox.Run(ctx, nil) })
	return func() { cancel(); wg.Wait() }
}

func settings(cfg config.Config) auth.Settings {
	return auth.Settings{
		AccessTTL: cfg.AccessTTL, RefreshTTL: cfg.RefreshTTL, SessionTTL: cfg.SessionTTL,
		ReuseWindow: cfg.ReuseWindow, RefreshGrace: cfg.RefreshGrace, RefreshGraceREST: cfg.RefreshGraceREST, RetryTTL: cfg.RetryTTL,
		AccessOverlap: cfg.AccessOverlap, ClockLeeway: cfg.ClockLeeway, RecentAuth: cfg.RecentAuth, ReuseAction: auth.ReuseAction(cfg.ReuseAction),
		MaxSessions: cfg.MaxSessions, DeletionGrace: cfg.DeletionGrace, NotifyNewLogin: cfg.NotifyNewLogin, EmailVerification: auth.EmailVerification(cfg.EmailVerification),
	}
}
