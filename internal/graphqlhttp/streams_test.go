package graphqlhttp

import (
	"bytes"
	"cmp"
	"context"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rekey/graph"
	"rekey/graph/model"
	"rekey/internal/auth"
	"rekey/internal/test/logcheck"
)

type fakeSubscription struct {
	graph.SubscriptionResolver
	root *fakeRoot
}

func (f *fakeRoot) Subscription() graph.SubscriptionResolver { return fakeSubscription{root: f} }

// SessionEvents sends the events that the test gives it.
func (s fakeSubscription) SessionEvents(context.Context) (<-chan *model.SessionEvent, error) {
	return s.root.events, s.root.outcome()
}

// patience is how long a test waits for an expected event.
const patience = 2 * time.Minute

const subscribeDocument = "subscription { sessionEvents { generation } }"

// streamFixture is an endpoint that serves streams, on a real server.
type streamFixture struct {
	*fixture
	streams *Streams
	url     string
	// connectErr is the error of connect; ends ends the function it returned.
	connectErr error
	ends       chan error
	header     http.Header  // that connect received
	closings   bytes.Buffer // the log of sockets; complete when idle
	flooded    atomic.Bool  // if set, no request is admitted
}

func newStreamFixture(t *testing.T, change ...func(*StreamOptions)) *streamFixture {
	t.Helper()
	f := &streamFixture{ends: make(chan error)}
	o := StreamOptions{Connect: f.connect, Origins: []string{"https://app.example.com"}, Log: slog.New(slog.NewTextHandler(&f.closings, nil))}
	for _, c := range change {
		c(&o)
	}
	// The machine may be slow: a test of one of the times sets it.
	l, d := &o.Limits, DefaultStreamLimits()
	l.Connections, l.PerAddress = cmp.Or(l.Connections, d.Connections), cmp.Or(l.PerAddress, d.PerAddress)
	l.Pending, l.PendingPerAddress = cmp.Or(l.Pending, d.Pending), cmp.Or(l.PendingPerAddress, d.PendingPerAddress)
	l.PerSocket, l.MessageBytes = cmp.Or(l.PerSocket, d.PerSocket), cmp.Or(l.MessageBytes, d.MessageBytes)
	l.InitTimeout, l.KeepAlive = cmp.Or(l.InitTimeout, patience), cmp.Or(l.KeepAlive, patience)
	l.WriteTimeout, l.LastWords = cmp.Or(l.WriteTimeout, patience), cmp.Or(l.LastWords, patience)
	f.streams = NewStreams(o)
	f.fixture = newFixture(t, &fakeRoot{events: make(chan *model.SessionEvent)}, func(o *Options) {
		o.Streams = f.streams
		o.Admit = func(*http.Request) error {
			if f.flooded.Load() {
				return auth.RateLimited(time.Second)
			}
			return nil
		}
	})
	srv := httptest.NewServer(f.Handler)
	f.url = srv.URL
	t.Cleanup(func() {
		f.streams.Drain()
		srv.Close()
		f.idle(t)
		logcheck.Check(t, f.closings.String())
	})
	return f
}

// loggedOnce shows that the log has one line, with the reason why a socket was
// closed.
func (f *streamFixture) loggedOnce(t *testing.T, parts ...string) {
	t.Helper()
	f.idle(t)
	got := f.closings.String()
	for _, part := range append(parts, " request_id="+testRequestID) {
		if strings.Count(got, part) != 1 || strings.Count(got, "\n") != 1 {
			t.Errorf("not one line with %s: %s", part, got)
		}
	}
}

func limited(l StreamLimits) func(*StreamOptions) {
	return func(o *StreamOptions) { o.Limits = l }
}

func (f *streamFixture) connect(_ context.Context, header http.Header) (func(context.Context) error, error) {
	f.header = header
	if f.connectErr != nil {
		return nil, f.connectErr
	}
	return func(ctx context.Context) error {
		select {
		case err := <-f.ends:
			return err
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}, nil
}

// idle waits until every connection is closed, and shows that no goroutine is
// left.
func (f *streamFixture) idle(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(t.Context()), patience)
	defer cancel()
	if err := f.streams.Wait(ctx); err != nil {
		stacks := make([]byte, 1<<20)
		t.Fatalf("connections are left: %v\n%s", err, goroutinesOf(string(stacks[:runtime.Stack(stacks, true)])))
	}
	left := ""
	for ctx.Err() == nil { // a goroutine may report its end shortly before it ends
		stacks := make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		if left = goroutinesOf(string(stacks)); left == "" {
			return
		}
		runtime.Gosched()
	}
	t.Errorf("goroutines are left:\n%s", left)
}

// goroutinesOf returns the stacks of goroutines that serve a stream.
func goroutinesOf(stacks string) string {
	var ours []string
	for stack := range strings.SplitSeq(stacks, "\n\n") {
		for _, sign := range []string{"(*socket)", "(*handler).pump", "(*handler).streamEvents", "(*eventWriter)"} {
			if strings.Contains(stack, "graphqlhttp."+sign) {
				ours = append(ours, stack)
				break
			}
		}
	}
	return strings.Join(ours, "\n\n")
}

func (f *streamFixture) send(t *testing.T, generation int) {
	t.Helper()
	select {
	case f.root.events <- &model.SessionEvent{Generation: generation}:
	case <-time.After(patience):
		t.Fatal("the subscription takes no event")
	}
}

func TestStreams_acquire(t *testing.T) {
	s := NewStreams(StreamOptions{Limits: StreamLimits{Connections: 3, PerAddress: 2}})
	from := func(address string) context.Context {
		return auth.WithClient(t.Context(), auth.Client{Address: address})
	}
	one, err := s.acquire(from("2001:db8::1"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err = s.acquire(from("2001:db8::2")); err != nil {
		t.Fatal(err)
	}
	if _, err = s.acquire(from("2001:db8::3")); auth.AsError(err).Code != auth.CodeRateLimited {
		t.Errorf("a third one of a network: %v", err)
	}
	if _, err = s.acquire(from("192.0.2.1")); err != nil {
		t.Fatal(err)
	}
	if _, err = s.acquire(from("192.0.2.2")); auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("a fourth one: %v", err)
	}
	one()
	if _, err = s.acquire(from("2001:db8::3")); err != nil {
		t.Errorf("after one was released: %v", err)
	}
	s.Drain()
	if _, err = s.acquire(from("192.0.2.3")); auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("while draining: %v", err)
	}
}

func TestStreams_allows(t *testing.T) {
	s := NewStreams(StreamOptions{Origins: []string{"https://app.example.com"}})
	for origin, want := range map[string]bool{
		"": true, "https://app.example.com": true, "https://APP.example.com": true, "http://auth.example.com": true,
		"https://evil.example": false, "null": false, "https://app.example.com.evil.example": false, "://": false,
		"http://app.example.com": false,
	} {
		r := httptest.NewRequest(http.MethodGet, "http://auth.example.com/graphql", nil)
		if origin != "" {
			r.Header.Set("Origin", origin)
		}
		if got := s.allows(r); got != want {
			t.Errorf("%q: %v", origin, got)
		}
	}
}
