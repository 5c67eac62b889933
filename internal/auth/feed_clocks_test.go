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
		f.Core.ClockLeeway = leeway
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
	off := MaxClockDistance(f.Core.ClockLeeway)
	end := fake.now.Add(off).Add(f.Core.AccessTTL)                        // of a token issued by a clock that is ahead,
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
