package stream

import (
	"testing"
	"time"

	"rekey/internal/auth"
)

// A replica whose clock is ahead finds what a replica whose clock is behind has
// written, each differing as much as a clock may. Without a bus between them
// nothing else reports it.
func TestFeed_clocksApart(t *testing.T) {
	for _, leeway := range []time.Duration{0, 30 * time.Second} {
		fake, h := newTestHub(t, leeway)
		f, off := h.feed, auth.MaxClockDistance(leeway)
		st := f.join(t.Context(), nil)
		st.toHeartbeat(t, nil)
		f.seconds(t, fake, 60)
		st.pending()
		for _, kind := range auth.ChangeKinds() {
			c := fake.add(kind, 1)
			fake.rows[kind][0].At = c.At.Add(-2 * off)
		}
		fake.rows[auth.ChangeRotated][0].At = fake.now.Add(-off) // by the database's clock
		f.seconds(t, fake, 60)
		if n, _ := st.pending(); n != 4 {
			t.Errorf("leeway %s: sent %d of 4", leeway, n)
		}
	}
}

// A change lasts as long as the tokens that it concerns, whichever replicas
// issued them and wrote it.
func TestFeed_expires(t *testing.T) {
	fake, f := newTestFeed(t)
	off := auth.MaxClockDistance(f.opts.ClockLeeway)
	end := fake.now.Add(off).Add(f.opts.AccessTTL)                                 // of a token issued by a clock that is ahead,
	c := f.complete(auth.Change{Kind: auth.ChangeRevoked, At: fake.now.Add(-off)}) // and revoked at once by one that is behind
	if c.ExpiresAt.Before(end) {
		t.Errorf("a change expires %s before its token", end.Sub(c.ExpiresAt))
	}
	st := f.join(t.Context(), nil)
	fake.now = c.ExpiresAt.Add(off) // a clock that is ahead; for a reader that is behind the token is valid
	f.broadcast(c)
	if got, ok := st.live(); !ok || !got.At.Equal(c.At) || got.Kind != c.Kind {
		t.Error("it is not sent a change whose token is valid by a reader's clock")
	}
}

// Nothing is promised by a skewed clock: followers have to reconnect, and
// nobody joins.
func TestFeed_skewed(t *testing.T) {
	fake, h := newTestHub(t, 30*time.Second)
	f := h.feed
	caller := auth.APIKeyCaller{Scopes: []auth.Scope{auth.ScopeBlacklistRead}}
	st, err := h.Blacklist(t.Context(), caller, nil)
	if err != nil {
		t.Fatal(err)
	}
	st.toHeartbeat(t, nil)
	f.seconds(t, fake, 5)
	const off = 10 * time.Minute
	fake.now, fake.off = fake.now.Add(off), off
	f.seconds(t, fake, 60) // nobody has checked the clock yet
	for {
		c, err := st.Next()
		if err != nil {
			if auth.AsError(err).Code != auth.CodeUnavailable {
				t.Error(err)
			}
			break
		}
		if c.Kind == Heartbeat && c.At.After(fake.now.Add(-off)) {
			t.Fatalf("a heartbeat says %v, it is %v", c.At, fake.now.Add(-off))
		}
	}
	if _, err := h.Blacklist(t.Context(), caller, nil); auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("joining: %v", err)
	}
	fake.now, fake.off = fake.now.Add(-off), 0
	if err := h.opts.Core.CheckClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	clear(fake.asked)
	again, err := h.Blacklist(t.Context(), caller, nil)
	if err != nil {
		t.Fatal(err)
	}
	again.toHeartbeat(t, nil)
	fake.add(auth.ChangeRevoked, 1)
	if f.seconds(t, fake, 3); len(fake.asked) == 0 {
		t.Error("the store is not read")
	}
	if n, _ := again.pending(); n != 1 {
		t.Errorf("sent %d changes after the clock was right again", n)
	}
}

// A follower that reconnects is sent what happened since a window before its
// last heartbeat: another replica may have sent that, and may have a clock that
// differs.
func TestFeedStream_since(t *testing.T) {
	fake, f := newTestFeed(t)
	since := fake.now.Add(-5 * time.Minute)
	for _, kind := range auth.ChangeKinds() {
		fake.add(kind, 1)
		fake.add(kind, 2)
		fake.rows[kind][0].At = since.Add(-f.window() - time.Second)
		fake.rows[kind][1].At = since.Add(-f.window() + time.Second)
	}
	if _, times := f.join(t.Context(), &since).toHeartbeat(t, nil); len(times) != len(auth.ChangeKinds()) {
		t.Errorf("sent %v", times)
	}
}
