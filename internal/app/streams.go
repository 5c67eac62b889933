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

// closeTimeout is how long clients may take to agree that their stream is closed.
const closeTimeout = 2 * time.Second

// streams holds what subscriptions need.
type streams struct {
	bus  *stream.Bus
	keys *auth.APIKeys
	hub  *stream.Hub
	open *graphqlhttp.Streams
}

// openBus is called before the core is created, whose store publishes.
func (a *app) openBus() {
	o := stream.BusOptions{After: time.After, Logger: a.log}
	if a.redis != nil {
		o.Client = a.redis.Client()
	}
	a.streams.bus = stream.NewBus(o)
}

func (a *app) openStreams(core auth.Options, keys *auth.APIKeys) {
	s := &a.streams
	s.keys = keys
	s.hub = stream.NewHub(stream.Options{
		Core: a.core, CheckKey: keys.Check, Bus: s.bus, Store: a.store, Logger: a.log, Now: core.Now,
		AccessTTL: core.AccessTTL, AccessOverlap: core.AccessOverlap, ClockLeeway: core.ClockLeeway,
	})
	connections := resolvers.Connections{Auth: a.core, Keys: s.keys, Streams: s.hub}
	s.open = graphqlhttp.NewStreams(graphqlhttp.StreamOptions{
		Connect: connections.Connect, Origins: a.cfg.CORSOrigins, Log: a.log, Count: a.countError, Limits: a.streamLimits(),
	})
}

// run keeps streams going until ctx ends. Without ticks there is one a second.
func (s *streams) run(ctx context.Context, ticks <-chan time.Time) {
	if ticks == nil {
		ticker := time.NewTicker(time.Second)
		defer ticker.Stop()
		ticks = ticker.C
	}
	var wg sync.WaitGroup
	defer wg.Wait()
	wg.Go(func() { s.bus.Run(ctx) })
	s.hub.Run(ctx, ticks)
}

// server returns the server of a handler. When it shuts down it closes streams:
// http.Server would wait for event streams, and does not know of WebSockets.
func (a *app) server(handler http.Handler) *http.Server {
	srv := web.Server(handler, a.cfg.HTTPIdleTimeout, a.log)
	a.connections.Watch(srv)
	srv.RegisterOnShutdown(a.streams.open.Drain)
	return srv
}

// drain closes streams, and waits for clients that agree.
func (s *streams) drain(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, closeTimeout)
	defer cancel()
	s.open.Drain() // also if the server failed
	_ = s.open.Wait(ctx)
}
