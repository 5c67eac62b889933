// Package streamtest is the contract of [stream.Bus] as a test suite, run on
// every bus.
package streamtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/stream"
)

// patience is how long a change may take to arrive.
const patience = 2 * time.Minute

// Run runs the contract. open returns a bus as two replicas see it, both
// running. Within one process both may be the same.
func Run(t *testing.T, open func(t *testing.T) (here, there *stream.Bus)) {
	for name, run := range map[string]func(t *testing.T, here, there *stream.Bus){
		"Delivered":  testDelivered,
		"Order":      testOrder,
		"Content":    testContent,
		"Left":       testLeft,
		"Slow":       testSlow,
		"FirstState": testFirstState,
	} {
		t.Run(name, func(t *testing.T) {
			here, there := open(t)
			run(t, here, there)
		})
	}
}

// Follower follows a bus.
type Follower struct {
	tb      testing.TB
	changes chan auth.Change
	cancel  context.CancelFunc
	done    chan struct{}
}

// Follow follows a bus until the test ends.
func Follow(tb testing.TB, bus *stream.Bus) *Follower {
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	f := &Follower{tb: tb, cancel: cancel, done: make(chan struct{}), changes: make(chan auth.Change, 1<<16)}
	go func() {
		defer close(f.done)
		bus.Follow(ctx, func(c auth.Change) { f.changes <- c })
	}()
	tb.Cleanup(f.Stop)
	return f
}

// Stop stops following, and waits until Follow has returned.
func (f *Follower) Stop() {
	f.cancel()
	<-f.done
}

// Next returns the next change.
func (f *Follower) Next() auth.Change {
	f.tb.Helper()
	select {
	case c := <-f.changes:
		return c
	case <-time.After(patience):
		f.tb.Fatal("no change arrives")
		return auth.Change{}
	}
}

// Await returns the next change of a kind.
func (f *Follower) Await(kind auth.ChangeKind) auth.Change {
	f.tb.Helper()
	for {
		if c := f.Next(); c.Kind == kind {
			return c
		}
	}
}

func change(session string) auth.Change {
	return auth.Change{Kind: auth.ChangeRevoked, SessionID: session, Reason: auth.RevokedByLogout, At: time.Unix(1, 2000).UTC()}
}

// Every follower on every replica gets each change once.
func testDelivered(t *testing.T, here, there *stream.Bus) {
	followers := []*Follower{Follow(t, here), Follow(t, there), Follow(t, there)}
	for _, f := range followers {
		f.Await(stream.BusBack)
	}
	here.Publish(change("one"), change("two"))
	for i, f := range followers {
		for _, want := range []string{"one", "two"} {
			if c := f.Next(); c.SessionID != want {
				t.Errorf("follower %d gets %+v, want %s", i, c, want)
			}
		}
	}
	there.Publish(change("three"))
	for i, f := range followers {
		if c := f.Next(); c.SessionID != "three" {
			t.Errorf("follower %d gets %+v", i, c)
		}
	}
}

// Changes of one publisher arrive in their order.
func testOrder(t *testing.T, here, there *stream.Bus) {
	f := Follow(t, there)
	f.Await(stream.BusBack)
	const many = 1000
	for i := range many {
		here.Publish(change(fmt.Sprint(i)))
	}
	for i := range many {
		if c := f.Next(); c.SessionID != fmt.Sprint(i) {
			t.Fatalf("change %d is %+v", i, c)
		}
	}
}

// A change arrives complete.
func testContent(t *testing.T, here, there *stream.Bus) {
	f := Follow(t, there)
	f.Await(stream.BusBack)
	hash := auth.HashSecret("secret")
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	for _, want := range []auth.Change{
		{Kind: auth.ChangeRotated, SessionID: "s", SecretHash: &hash, At: at, Generation: 7, IssuedAt: at.Truncate(time.Second),
			Address: "192.0.2.1", UserAgent: "agent \"x\" é"},
		{Kind: auth.ChangeRevoked, SessionID: "s", Reason: auth.RevokedByReuse, At: at},
		{Kind: auth.ChangeAccess, SessionID: "s", SecretHash: &hash, At: at, ExpiresAt: at.Add(time.Minute)},
		{Kind: auth.ChangeRefresh, SessionID: "s", SecretHash: &hash, Reason: "blacklisted", At: at, ExpiresAt: at.Add(time.Hour)},
	} {
		here.Publish(want)
		got := f.Next()
		if got.SecretHash != nil && want.SecretHash != nil && *got.SecretHash == *want.SecretHash {
			got.SecretHash = want.SecretHash
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// A follower that left gets nothing, and nobody waits for it.
func testLeft(t *testing.T, here, there *stream.Bus) {
	left, stays := Follow(t, here), Follow(t, here)
	left.Await(stream.BusBack)
	stays.Await(stream.BusBack)
	left.Stop()
	there.Publish(change("one"))
	stays.Await(auth.ChangeRevoked)
	select {
	case c := <-left.changes:
		t.Errorf("the follower that left gets %+v", c)
	default:
	}
}

// A follower that does not read delays nobody, and learns that it missed
// changes.
func testSlow(t *testing.T, here, _ *stream.Bus) {
	hold := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	changes, begun := make(chan auth.Change, 1<<16), make(chan struct{})
	var first sync.Once
	go here.Follow(ctx, func(c auth.Change) {
		first.Do(func() { close(begun); <-hold })
		changes <- c
	})
	<-begun
	for range 20_000 {
		here.Publish(change("flood"))
	}
	close(hold)
	slow := &Follower{tb: t, changes: changes}
	slow.Await(stream.BusLost)
	slow.Await(stream.BusBack)
}

// The first change is the state of the bus.
func testFirstState(t *testing.T, here, _ *stream.Bus) {
	if c := Follow(t, here).Next(); c.Kind != stream.BusBack && c.Kind != stream.BusLost {
		t.Errorf("the first change is %+v", c)
	}
}
