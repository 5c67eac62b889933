package graphqlhttp

import (
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

// StreamLimits bound the cost of clients that stay connected.
type StreamLimits struct {
	Connections int // in total, without pending WebSockets
	PerAddress  int // connections of one client address, or of one IPv6 network
	// Pending is how many WebSockets may wait for their authentication, and
	// PendingPerAddress how many of one client address, or of one IPv6 network.
	Pending           int
	PendingPerAddress int
	PerSocket         int // subscriptions on one WebSocket
	MessageBytes      int64
	// InitTimeout is how long a WebSocket may take to authenticate.
	InitTimeout time.Duration
	// KeepAlive is the interval of pings and comments, and how long a WebSocket
	// may take to answer a ping.
	KeepAlive time.Duration
	// WriteTimeout is how long a client may take to read a message.
	WriteTimeout time.Duration
	// LastWords is how long subscriptions may take to report why they end before
	// their WebSocket is closed for the same reason.
	LastWords time.Duration
}

// DefaultStreamLimits returns limits that keep the memory for streams below
// about 200 MB.
func DefaultStreamLimits() StreamLimits {
	return StreamLimits{
		Connections: 2000, PerAddress: 100, Pending: 256, PendingPerAddress: 32, PerSocket: 10, MessageBytes: 64 << 10,
		InitTimeout: 5 * time.Second, KeepAlive: 15 * time.Second, WriteTimeout: 5 * time.Second, LastWords: time.Second,
	}
}

// StreamOptions configure NewStreams.
type StreamOptions struct {
	// Connect authenticates a WebSocket by a header. The returned function waits
	// until the credentials become invalid and returns the reason, or until its
	// context ends. Errors are *auth.Error.
	Connect func(ctx context.Context, header http.Header) (wait func(context.Context) error, err error)
	// Origins are the origins whose pages may open a WebSocket; "*" is any. Pages
	// of the service's own host always may, and so may clients that are not
	// browsers.
	Origins []string
	// Limits are DefaultStreamLimits if they are zero.
	Limits StreamLimits
	// Log receives a line for each WebSocket that the server refuses or closes,
	// with the code. If it is nil, nothing is logged.
	Log *slog.Logger
	// Count counts the code of each error that a WebSocket is closed for. It may
	// be nil.
	Count func(auth.Code)
}

// Streams are the connections that stay open: WebSockets, and streams of
// server-sent events.
type Streams struct {
	connect func(ctx context.Context, header http.Header) (wait func(context.Context) error, err error)
	origins []string
	limits  StreamLimits
	log     *slog.Logger
	count   func(auth.Code)

	draining context.Context // ends when the process is about to shut down
	drain    context.CancelCauseFunc
	open     sync.WaitGroup

	mu      sync.Mutex
	total   int
	counts  map[string]int // by address
	pending []*place       // the oldest first
}

// NewStreams returns streams for Options.Streams.
func NewStreams(o StreamOptions) *Streams {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Count == nil {
		o.Count = func(auth.Code) {}
	}
	if o.Limits == (StreamLimits{}) {
		o.Limits = DefaultStreamLimits()
	}
	draining, drain := context.WithCancelCause(context.Background())
	return &Streams{
		connect: o.Connect, origins: o.Origins, limits: o.Limits, log: o.Log, count: o.Count,
		draining: draining, drain: drain, counts: map[string]int{},
	}
}

var errDraining = errors.New("the process is shutting down")

// Drain closes every connection, so that its client reconnects elsewhere, and
// refuses new ones.
func (s *Streams) Drain() { s.drain(errDraining) }

// Open returns the number of open connections, without pending WebSockets.
func (s *Streams) Open() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// Wait waits until every connection is closed, or ctx ends.
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

// acquire counts a connection until release is called. The error is an
// *auth.Error.
func (s *Streams) acquire(ctx context.Context) (release func(), err error) {
	address := auth.AddressKey(auth.ClientFrom(ctx).Address)
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.full(address); err != nil {
		return nil, err
	}
	s.total++
	s.counts[address]++
	s.open.Add(1)
	return func() { s.release(address) }, nil
}

func (s *Streams) release(address string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.forget(address)
	s.open.Done()
}

// full returns why an address cannot have another connection, an *auth.Error, or
// nil. Its caller, and that of forget, holds the lock.
func (s *Streams) full(address string) error {
	switch {
	case s.draining.Err() != nil:
		return auth.Unavailable(errDraining)
	case s.total >= s.limits.Connections:
		return auth.Unavailable(errors.New("too many connections are open"))
	case s.counts[address] >= s.limits.PerAddress:
		return auth.RateLimited(s.limits.KeepAlive).By(auth.Limit{Name: "streams", By: "address"})
	}
	return nil
}

func (s *Streams) forget(address string) {
	s.total--
	if s.counts[address]--; s.counts[address] == 0 {
		delete(s.counts, address)
	}
}

// bound returns a context that also ends when the process is about to shut down.
func (s *Streams) bound(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(s.draining, func() { cancel(context.Cause(s.draining)) })
	return ctx, func() { stop(); cancel(context.Canceled) }
}

// allows reports whether a page of the request's origin may connect. A request
// without Origin is not a browser's, and could claim any origin.
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
