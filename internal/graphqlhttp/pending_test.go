package graphqlhttp

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rekey/internal/auth"
)

// TestStreams_enter: sockets that have not authenticated take no place for
// streams, and lose their own to newer ones, first those of the network that has
// most of them.
func TestStreams_enter(t *testing.T) {
	s := NewStreams(StreamOptions{Limits: StreamLimits{Connections: 2, PerAddress: 2, Pending: 4, PendingPerAddress: 2}})
	type entered struct {
		*place
		ctx context.Context
	}
	enter := func(address string) entered {
		t.Helper()
		ctx, p, err := s.enter(auth.WithClient(t.Context(), auth.Client{Address: address}))
		if err != nil {
			t.Fatal(err)
		}
		return entered{p, ctx}
	}
	want := func(what string, e entered, evicted bool) {
		t.Helper()
		if got := errors.Is(context.Cause(e.ctx), errEvicted); got != evicted {
			t.Errorf("%s: evicted is %v", what, got)
		}
	}
	a1, a2, b1 := enter("2001:db8::1"), enter("2001:db8::2"), enter("192.0.2.1")
	a3 := enter("2001:db8::3")
	want("the oldest of a network beyond its share", a1, true)
	want("its second", a2, false)
	c1 := enter("192.0.2.2")
	d1 := enter("192.0.2.3")
	want("the oldest of the network that has most", a2, true)
	want("another network's", b1, false)
	if s.Pending() != 4 || s.Open() != 0 {
		t.Errorf("%d pending, %d open", s.Pending(), s.Open())
	}

	if err := a2.authenticated(); auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("one that lost its place: %v", err)
	}
	for _, e := range []entered{b1, c1} {
		if err := e.authenticated(); err != nil {
			t.Fatal(err)
		}
	}
	if err := d1.authenticated(); auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("a third stream: %v", err)
	}
	if _, _, err := s.enter(t.Context()); auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("while all places for streams are taken: %v", err)
	}
	if s.Pending() != 2 || s.Open() != 2 {
		t.Errorf("%d pending, %d open", s.Pending(), s.Open())
	}
	for _, e := range []entered{a1, a2, a3, b1, c1, d1} {
		e.leave()
	}
	if s.Pending() != 0 || s.Open() != 0 || len(s.counts) != 0 {
		t.Errorf("%d pending, %d open, %v", s.Pending(), s.Open(), s.counts)
	}
	if err := s.Wait(t.Context()); err != nil {
		t.Error(err)
	}
}

// TestSocket_evicted: a socket that sends no connection_init is closed when others
// need its place.
func TestSocket_evicted(t *testing.T) {
	f := newStreamFixture(t, limited(StreamLimits{Connections: 1, Pending: 2}))
	silent, _ := f.dial(t, nil, subprotocol)
	for range 2 {
		f.dial(t, nil, subprotocol)
	}
	if _, err := silent.read(); err == nil || websocket.CloseStatus(err) != -1 {
		t.Errorf("the oldest socket: %v", err)
	}
	w := f.open(t)
	w.subscribe("a", subscribeDocument)
	f.send(t, 1)
	w.hear(`{"id":"a","type":"next","payload":{"data":{"sessionEvents":{"generation":1}}}}`)
	if f.streams.Open() != 1 {
		t.Errorf("%d open", f.streams.Open())
	}
	if _, res := f.dial(t, nil, subprotocol); res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("beyond the places for streams: %d", res.StatusCode)
	}
}

// TestSocket_refusedTakesNoPlace: sockets with bad credentials take no place for
// streams either, also while they are being closed.
func TestSocket_refusedTakesNoPlace(t *testing.T) {
	f := newStreamFixture(t, limited(StreamLimits{Connections: 1, Pending: 4}), func(o *StreamOptions) {
		o.Connect = func(context.Context, http.Header) (func(context.Context) error, error) {
			return nil, auth.Unauthenticated(auth.ReasonTokenInvalid, "m")
		}
	})
	for range 8 {
		w, _ := f.dial(t, nil, subprotocol)
		w.say(`{"type":"connection_init"}`) // and never confirms that it is closed
	}
	for deadline := time.After(patience); f.streams.Pending() > 4 || f.streams.Open() > 0; {
		select {
		case <-deadline:
			t.Fatalf("%d pending, %d open", f.streams.Pending(), f.streams.Open())
		case <-time.After(time.Millisecond):
		}
	}
}
