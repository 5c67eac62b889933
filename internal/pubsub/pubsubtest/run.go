package pubsubtest

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
)

// patience is how long a notice may take; it is waited for, never slept.
const patience = 2 * time.Minute

// Run runs the contract. open returns a bus as two replicas have it, both
// running; in one process it may be one and the same.
func Run(t *testing.T, open func(t *testing.T) (here, there auth.Bus)) {
	for name, run := range map[string]func(t *testing.T, here, there auth.Bus){
		"Heard":     testHeard,
		"Order":     testOrder,
		"Content":   testContent,
		"Left":      testLeft,
		"Slow":      testSlow,
		"BeginsSay": testBegin,
	} {
		t.Run(name, func(t *testing.T) {
			here, there := open(t)
			run(t, here, there)
		})
	}
}

// Ear follows a bus.
type Ear struct {
	tb      testing.TB
	notices chan auth.Notice
	cancel  context.CancelFunc
	done    chan struct{}
}

// Listen follows a bus until the test ends.
func Listen(tb testing.TB, bus auth.Bus) *Ear {
	ctx, cancel := context.WithCancel(context.WithoutCancel(tb.Context()))
	e := &Ear{tb: tb, cancel: cancel, done: make(chan struct{}), notices: make(chan auth.Notice, 1<<16)}
	go func() {
		defer close(e.done)
		bus.Follow(ctx, func(n auth.Notice) { e.notices <- n })
	}()
	tb.Cleanup(e.Stop)
	return e
}

// Stop ends following, and waits for its end.
func (e *Ear) Stop() {
	e.cancel()
	<-e.done
}

// Next returns the next notice.
func (e *Ear) Next() auth.Notice {
	e.tb.Helper()
	select {
	case n := <-e.notices:
		return n
	case <-time.After(patience):
		e.tb.Fatal("no notice comes")
		return auth.Notice{}
	}
}

// Await returns the next notice of a kind.
func (e *Ear) Await(kind auth.NoticeKind) auth.Notice {
	e.tb.Helper()
	for {
		if n := e.Next(); n.Kind == kind {
			return n
		}
	}
}

func note(session string) auth.Notice {
	return auth.Notice{Kind: auth.NoticeRevoked, SessionID: session, Reason: auth.RevokedByLogout, At: time.Unix(1, 2000).UTC()}
}

// What is published is heard on every replica, once.
func testHeard(t *testing.T, here, there auth.Bus) {
	ears := []*Ear{Listen(t, here), Listen(t, there), Listen(t, there)}
	for _, e := range ears {
		e.Await(auth.NoticeBack)
	}
	here.Publish(note("one"), note("two"))
	for i, e := range ears {
		for _, want := range []string{"one", "two"} {
			if n := e.Next(); n.SessionID != want {
				t.Errorf("follower %d hears %+v, want %s", i, n, want)
			}
		}
	}
	there.Publish(note("three"))
	for i, e := range ears {
		if n := e.Next(); n.SessionID != "three" {
			t.Errorf("follower %d hears %+v", i, n)
		}
	}
}

// Those of one publisher come in their order.
func testOrder(t *testing.T, here, there auth.Bus) {
	e := Listen(t, there)
	e.Await(auth.NoticeBack)
	const many = 1000
	for i := range many {
		here.Publish(note(fmt.Sprint(i)))
	}
	for i := range many {
		if n := e.Next(); n.SessionID != fmt.Sprint(i) {
			t.Fatalf("notice %d is %+v", i, n)
		}
	}
}

// Nothing of a notice is lost on the way.
func testContent(t *testing.T, here, there auth.Bus) {
	e := Listen(t, there)
	e.Await(auth.NoticeBack)
	hash := auth.HashSecret("secret")
	at := time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC)
	for _, want := range []auth.Notice{
		{Kind: auth.NoticeRotated, SessionID: "s", SecretHash: &hash, At: at, Generation: 7, IssuedAt: at.Truncate(time.Second),
			Address: "192.0.2.1", UserAgent: "agent \"x\" é"},
		{Kind: auth.NoticeRevoked, SessionID: "s", Reason: auth.RevokedByReuse, At: at},
		{Kind: auth.NoticeBlacklisted, SessionID: "s", SecretHash: &hash, Use: auth.UseAccess, At: at, ExpiresAt: at.Add(time.Minute)},
	} {
		here.Publish(want)
		got := e.Next()
		if got.SecretHash != nil && want.SecretHash != nil && *got.SecretHash == *want.SecretHash {
			got.SecretHash = want.SecretHash
		}
		if got != want {
			t.Errorf("got %+v, want %+v", got, want)
		}
	}
}

// Who left hears nothing, and nobody waits for it.
func testLeft(t *testing.T, here, there auth.Bus) {
	gone, stays := Listen(t, here), Listen(t, here)
	gone.Await(auth.NoticeBack)
	stays.Await(auth.NoticeBack)
	gone.Stop()
	there.Publish(note("one"))
	stays.Await(auth.NoticeRevoked)
	select {
	case n := <-gone.notices:
		t.Errorf("who left hears %+v", n)
	default:
	}
}

// Who does not listen holds nobody up, and is told that it missed something.
func testSlow(t *testing.T, here, _ auth.Bus) {
	hold := make(chan struct{})
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	notices, begun := make(chan auth.Notice, 1<<16), make(chan struct{})
	var first sync.Once
	go here.Follow(ctx, func(n auth.Notice) {
		first.Do(func() { close(begun); <-hold })
		notices <- n
	})
	<-begun
	for range 20_000 {
		here.Publish(note("flood"))
	}
	close(hold)
	slow := &Ear{tb: t, notices: notices}
	slow.Await(auth.NoticeLost)
	slow.Await(auth.NoticeBack)
}

// The first notice says whether others come.
func testBegin(t *testing.T, here, _ auth.Bus) {
	if n := Listen(t, here).Next(); n.Kind != auth.NoticeBack && n.Kind != auth.NoticeLost {
		t.Errorf("the first notice is %+v", n)
	}
}
