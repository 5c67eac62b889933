package graphqlhttp

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"rekey/internal/auth"
)

// StreamLimits bound what those who stay connected may cost.
type StreamLimits struct {
	Connections  int // in total
	PerAddress   int // connections of one client address, or of one IPv6 network
	PerSocket    int // subscriptions on one WebSocket
	MessageBytes int64
	// InitTimeout is how long a WebSocket may take to authenticate.
	InitTimeout time.Duration
	// KeepAlive is the time between two signs of life, and what a WebSocket may
	// take to answer one.
	KeepAlive time.Duration
	// WriteTimeout is how long a client may take to read a message.
	WriteTimeout time.Duration
	// LastWords is how long subscriptions may take to say why they end before
	// their WebSocket is closed for the same reason.
	LastWords time.Duration
}

// DefaultStreamLimits hold the memory that streams take below some 200 MB.
func DefaultStreamLimits() StreamLimits {
	return StreamLimits{
		Connections: 2000, PerAddress: 100, PerSocket: 10, MessageBytes: 64 << 10,
		InitTimeout: 5 * time.Second, KeepAlive: 15 * time.Second, WriteTimeout: 5 * time.Second, LastWords: time.Second,
	}
}

func (l StreamLimits) withDefaults() StreamLimits {
	d := DefaultStreamLimits()
	return StreamLimits{
		Connections:  cmp.Or(l.Connections, d.Connections),
		PerAddress:   cmp.Or(l.PerAddress, d.PerAddress),
		PerSocket:    cmp.Or(l.PerSocket, d.PerSocket),
		MessageBytes: cmp.Or(l.MessageBytes, d.MessageBytes),
		InitTimeout:  cmp.Or(l.InitTimeout, d.InitTimeout),
		KeepAlive:    cmp.Or(l.KeepAlive, d.KeepAlive),
		WriteTimeout: cmp.Or(l.WriteTimeout, d.WriteTimeout),
		LastWords:    cmp.Or(l.LastWords, d.LastWords),
	}
}

// StreamOptions are what NewStreams needs.
type StreamOptions struct {
	// Connect authenticates a WebSocket by a header, and returns what waits
	// until that authenticates no longer and says why, or until its context
	// ends. Errors are *auth.Error.
	Connect func(ctx context.Context, header http.Header) (wait func(context.Context) error, err error)
	// Origins are those whose pages may open a WebSocket; "*" is any. The
	// page's own host always may, and who is no browser.
	Origins []string
	// Limits that are zero are those of DefaultStreamLimits.
	Limits StreamLimits
	// Log receives a line for each WebSocket that is refused or closed, with
	// the code; none where the client leaves. Nil drops them.
	Log *slog.Logger
}

// Streams are the connections that stay open: WebSockets, and streams of
// server-sent events.
type Streams struct {
	connect func(ctx context.Context, header http.Header) (wait func(context.Context) error, err error)
	origins []string
	limits  StreamLimits
	log     *slog.Logger

	draining context.Context // ends when the process is about to
	drain    context.CancelCauseFunc
	open     sync.WaitGroup

	mu     sync.Mutex
	total  int
	counts map[string]int // by address
}

// NewStreams makes streams for Options.Streams.
func NewStreams(o StreamOptions) *Streams {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	draining, drain := context.WithCancelCause(context.Background())
	return &Streams{
		connect: o.Connect, origins: o.Origins, limits: o.Limits.withDefaults(), log: o.Log,
		draining: draining, drain: drain, counts: map[string]int{},
	}
}

var errDraining = errors.New("the process is about to end")

// Drain tells every connection to come again elsewhere, and admits no new one.
func (s *Streams) Drain() { s.drain(errDraining) }

// Open returns how many connections stay open.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Wait waits until every connection has ended, or ctx.
func (s *Streams) Wait(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.open.Wait()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// acquire counts a connection; release uncounts it. The error is an
// *auth.Error.
func (s *Streams) acquire(ctx context.Context) (release func(), err error) {
	address := auth.AddressKey(auth.ClientFrom(ctx).Address)
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.draining.Err() != nil:
		return nil, auth.Unavailable(errDraining)
	case s.total >= s.limits.Connections:
		return nil, auth.Unavailable(errors.New("too many connections stay open"))
	case s.counts[address] >= s.limits.PerAddress:
		return nil, auth.RateLimited(s.limits.KeepAlive)
	}
	s.total++
	s.counts[address]++
	s.open.Add(1)
	return func() { s.release(address) }, nil
}

func (s *Streams) release(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.total--
	if s.counts[address]--; s.counts[address] == 0 {
		delete(s.counts, address)
	}
	s.open.Done()
}

// bound returns a context that also ends when the process is about to.
func (s *Streams) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.draining, func() { cancel(context.Cause(s.draining)) })
	return ctx, func() { stop(); cancel(context.Canceled) }
}

// allows reports whether a page of the request's origin may connect. Who sends
// no Origin is no browser, and can claim to be any page.
func (s *Streams) allows(r *http.Request) bool {
	origin := r.Header.Get("Origin")
	if origin == "" || slices.Contains(s.origins, "*") {
		return true
	}
	if u, err := url.Parse(origin); err == nil && u.Host != "" && strings.EqualFold(u.Host, r.Host) {
		return true
	}
	return slices.ContainsFunc(s.origins, func(o string) bool { return strings.EqualFold(o, origin) })
}

// isUpgrade reports whether a request asks for a WebSocket.
func isUpgrade(r *http.Request) bool {
	return r.Method == http.MethodGet && strings.EqualFold(r.Header.Get("Upgrade"), "websocket")
}
