package auth

import (
	"testing"
	"time"
)

// A replica that is ahead finds what one that is behind has written, each as far
// off as a clock may be: where there is no bus between them nothing else tells it.
func TestFeed_clocksApart(t *testing.T) {
	for _, leeway := range []time.Duration{0, 30 * time.Second} {
		fake, f := newFeedFake()
		f.Core.settings.ClockLeeway = leeway
		off := MaxClockDistance(leeway)
		st := f.join(nil)
		st.toBeat(t, nil)
		f.seconds(t, fake, 60)
		st.pending()
		for _, kind := range []FeedKind{FeedRevoked, FeedAccess, FeedRefresh} {
			e := fake.add(kind, 1)
			fake.rows[kind][0].At = e.At.Add(-2 * off)
		}
		rotated := fake.add(FeedRotated, 1)
		fake.rows[FeedRotated][0].At = rotated.At.Add(-off) // by the database's clock
		f.seconds(t, fake, 60)
		if n, _ := st.pending(); n != 4 {
			t.Errorf("leeway %s: told %d of 4", leeway, n)
		}
	}
}

// An entry lasts as long as the tokens that it concerns, whichever replicas
// issued them and wrote it.
func TestFeed_expires(t *testing.T) {
	fake, f := newFeedFake()
	off := MaxClockDistance(f.Core.settings.ClockLeeway)
	end := fake.now.Add(off).Add(f.Core.settings.AccessTTL)               // of a token issued by a clock that is ahead,
	e := f.complete(FeedEvent{Kind: FeedRevoked, At: fake.now.Add(-off)}) // and ended at once by one that is behind
	if e.ExpiresAt.Before(end) {
		t.Errorf("an entry ends %s before its token", end.Sub(e.ExpiresAt))
	}
	st := f.join(nil)
	fake.now = e.ExpiresAt.Add(off) // a clock that is ahead; for a reader who is behind the token lives
	if f.tell(e); !st.hears(e) {
		t.Error("it is not told of a token that lives by a reader's clock")
	}
}

func (st *FeedStream) hears(e FeedEvent) bool {
	got, ok := st.heard()
	return ok && got.At.Equal(e.At) && got.Kind == e.Kind
}

// Nothing is vouched for by a skewed clock: who follows has to come
// again, and nobody joins.
func TestFeed_skewed(t *testing.T) {
	fake, f := newFeedFake()
	s := &Streams{StreamOptions: f.StreamOptions, feed: f, keys: map[keyed]APIKeyCaller{}}
	caller := APIKeyCaller{Scopes: []Scope{ScopeBlacklistRead}}
	st, err := s.Blacklist(caller, nil)
	if err != nil {
		t.Fatal(err)
	}
	st.toBeat(t, nil)
	f.seconds(t, fake, 5)
	const off = 10 * time.Minute
	fake.now, fake.off = fake.now.Add(off), off
	f.seconds(t, fake, 60) // nobody has looked at the clock yet
	for {
		e, err := st.Next(t.Context())
		if err != nil {
			if AsError(err).Code != CodeUnavailable {
				t.Error(err)
			}
			break
		}
		if e.Kind == FeedHeartbeat && e.At.After(fake.now.Add(-off)) {
			t.Fatalf("a heartbeat tells %v, it is %v", e.At, fake.now.Add(-off))
		}
	}
	if _, err := s.Blacklist(caller, nil); AsError(err).Code != CodeUnavailable {
		t.Errorf("joining: %v", err)
	}
	fake.now, fake.off = fake.now.Add(-off), 0
	if err := f.Core.CheckClock(t.Context()); err != nil {
		t.Fatal(err)
	}
	again, err := s.Blacklist(caller, nil)
	if err != nil {
		t.Fatal(err)
	}
	again.toBeat(t, nil)
	fake.add(FeedRevoked, 1)
	if f.seconds(t, fake, 3); len(fake.asked) == 0 {
		t.Error("no looks")
	}
	if n, _ := again.pending(); n != 1 {
		t.Errorf("told %d events after the clock was right again", n)
	}
}
