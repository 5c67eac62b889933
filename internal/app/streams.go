package app

import (
	"context"
	"net/http"
	"sync"
	"time"

	"rekey/internal/auth"
	"rekey/internal/graphqlhttp"
	"rekey/internal/stream"
	"rekey/internal/web"
	"rekey/resolvers"
)

// goodbye is how long clients that stay connected may take to agree to the end
// of their connection.
const goodbye = 2 * time.Second

// streams holds what subscriptions need.
type streams struct {
	bus   stream.Bus
	redis *stream.Redis // the bus, if it uses Redis
	keys  *auth.APIKeys
	hub   *stream.Hub
	open  *graphqlhttp.Streams
}

// openBus is called before the core is created, whose store publishes.
func (a *app) openBus() {
	if a.redis == nil {
		a.streams.bus = stream.NewLocal()
		return
	}
	a.streams.redis = stream.NewRedis(stream.RedisOptions{Client: a.redis.Client(), After: time.After, Logger: a.log})
	a.streams.bus = a.streams.redis
}

func (a *app) openStreams(core auth.Options, keys *auth.APIKeys) {
	s := &a.streams
	s.keys = keys
	s.hub = stream.NewHub(stream.Options{
		Core: a.core, CheckKey: keys.Check, Bus: s.bus, Store: a.store, Logger: a.log, Now: core.Now,
		AccessTTL: core.AccessTTL, AccessOverlap: core.AccessOverlap, ClockLeeway: core.ClockLeeway,
	})
	connections := resolvers.Connections{Auth: a.core, Keys: s.keys, Streams: s.hub}
	s.open = graphqlhttp.NewStreams(graphqlhttp.StreamOptions{Connect: connections.Connect, Origins: a.cfg.CORSOrigins, Log: a.log})
}

// run keeps streams going until ctx ends.
func (s *streams) run(ctx context.Context, ticks <-chan time.Time) {
	if ticks == nil {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		ticks = ticker.C
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	if s.redis != nil {
		wg.Go(func() { s.redis.Run(ctx) })
	}
	s.hub.Run(ctx, ticks)
}

// server returns the server of a handler, which tells those who stay connected
// when it shuts down: it would wait for some and not know of others.
func (a *app) server(handler http.Handler) *http.Server {
	srv := web.Server(handler, a.log)
	srv.RegisterOnShutdown(a.streams.open.Drain)
	return srv
}

// bid waits for them to go, but not for who does not answer.
func (s *streams) bid(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, goodbye)
	defer cancel()
	s.open.Drain() // also where the server failed
	_ = s.open.Wait(ctx)
}

// flush sends the notices that wait to be sent.
func (s *streams) flush() {
	if s.redis != nil {
		s.redis.Flush(context.Background())
	}
}
