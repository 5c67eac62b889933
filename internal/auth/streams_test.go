package auth

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"
)

func TestQueue(t *testing.T) {
	q := newQueue[int](2)
	q.add(1)
	q.add(2)
	q.add(3) // too many
	q.add(4) // after the end
	for _, want := range []int{1, 2} {
		if got, err := q.next(t.Context()); got != want || err != nil {
			t.Errorf("%d, %v, want %d", got, err, want)
		}
	}
	q.end(errors.New("another reason"))
	if _, err := q.next(t.Context()); AsError(err).Code != CodeUnavailable || !errors.Is(err, errSlow) {
		t.Errorf("it ends with %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := newQueue[int](1).next(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("without a reader: %v", err)
	}
}

// A rotation that is heard while a stream is opened is told once it is known
// whether it is news.
func TestSessionStream_early(t *testing.T) {
	st := &SessionStream{queue: newQueue[SessionEvent](8)}
	st.hear(Notice{Kind: NoticeRotated, Generation: 2})
	st.hear(Notice{Kind: NoticeRotated, Generation: 3})
	if len(st.items) > 0 {
		t.Error("told before anything is known")
	}
	st.sessionEnd, st.generation = time.Unix(1, 0), 2
	for _, e := range st.early {
		st.rotated(e)
	}
	st.hear(Notice{Kind: NoticeRotated, Generation: 3}) // from elsewhere, too
	if e, err := st.next(t.Context()); err != nil || e.Generation != 3 || len(st.items) > 0 {
		t.Errorf("%+v, %v and %d more", e, err, len(st.items))
	}
}

// feedFake is a store of one page a kind, on a clock of its own.
type feedFake struct {
	now    time.Time
	takes  time.Duration // a look for rotations
	pages  map[FeedKind][]FeedEvent
	asked  map[FeedKind][]time.Time
	broken error
}

func (f *feedFake) Blacklisted(_ context.Context, kind FeedKind, after FeedCursor, _ int) ([]FeedEvent, *FeedCursor, error) {
	f.asked[kind] = append(f.asked[kind], after.At)
	if kind == FeedRotated {
		f.now = f.now.Add(f.takes)
	}
	return slices.Clone(f.pages[kind]), nil, f.broken
}

func newFeedFake() (*feedFake, *feed) {
	fake := &feedFake{now: time.Unix(1_000_000, 0), pages: map[FeedKind][]FeedEvent{}, asked: map[FeedKind][]time.Time{}}
	core := &Service{Options: Options{
		Settings: Settings{AccessTTL: 15 * time.Minute, ClockLeeway: 30 * time.Second, AccessOverlap: 10 * time.Second},
		Now:      func() time.Time { return fake.now },
	}}
	return fake, newFeed(StreamOptions{Core: core, Feed: fake})
}

func (f *feed) join(now time.Time) *FeedStream {
	st := &FeedStream{queue: newQueue[FeedEvent](feedQueue), feed: f, since: now}
	f.followers[st] = true
	return st
}

// A feed that nobody follows asks nothing; one that is followed looks by index
// each time, and scans as often as the bus and the time that it takes allow.
func TestFeed_cadence(t *testing.T) {
	for name, tt := range map[string]struct {
		bus   NoticeKind
		takes time.Duration
		scans int // in five minutes
	}{
		"the bus works":        {NoticeBack, 0, 10},
		"the bus is lost":      {NoticeLost, 0, 60},
		"two seconds":          {NoticeBack, 2 * time.Second, 8},
		"two seconds and lost": {NoticeLost, 2 * time.Second, 30},
	} {
		t.Run(name, func(t *testing.T) {
			fake, f := newFeedFake()
			f.hear(Notice{Kind: tt.bus})
			if f.round(t.Context()); len(fake.asked) > 0 {
				t.Error("asked for nobody")
			}
			f.join(fake.now)
			fake.takes = tt.takes
			rounds := 0
			for end := fake.now.Add(5 * time.Minute); fake.now.Before(end); rounds++ {
				f.round(t.Context())
				fake.now = fake.now.Add(time.Second)
			}
			if len(fake.asked[FeedRevoked]) != rounds {
				t.Errorf("%d looks in %d rounds", len(fake.asked[FeedRevoked]), rounds)
			}
			if got := len(fake.asked[FeedRotated]); got < tt.scans || got > tt.scans+1 {
				t.Errorf("%d scans, want %d", got, tt.scans)
			}
		})
	}
}

// What is found again is told once, and a look goes back behind the last one
// that succeeded.
func TestFeed_look(t *testing.T) {
	fake, f := newFeedFake()
	st := f.join(fake.now)
	at := fake.now
	fake.pages[FeedRevoked] = []FeedEvent{{Kind: FeedRevoked, SessionID: "s", At: at}}
	f.hear(Notice{Kind: NoticeRevoked, SessionID: "s", At: at})
	for range 3 {
		f.round(t.Context())
		fake.now = fake.now.Add(time.Second)
	}
	if n := len(st.items); n != 1 {
		t.Errorf("told %d times", n)
	}
	fake.broken = errors.New("away")
	for range 120 {
		f.round(t.Context())
		fake.now = fake.now.Add(time.Second)
	}
	if n := len(st.items) - 1; n > 4 { // those of the first half minute
		t.Errorf("%d heartbeats though nothing could be read", n)
	}
	fake.broken = nil
	before := len(fake.asked[FeedRevoked])
	f.round(t.Context())
	if from, last := fake.asked[FeedRevoked][before], at.Add(2*time.Second); !from.Equal(last.Add(-f.window())) {
		t.Errorf("after an outage it looks from %v, want a window before %v", from, last)
	}
}

func TestKeyCaller_Require(t *testing.T) {
	if err := (KeyCaller{Scopes: []Scope{"other"}}).Require(ScopeBlacklistRead); AsError(err).Code != CodeForbidden {
		t.Errorf("without the scope: %v", err)
	}
	s := NewStreams(StreamOptions{Core: &Service{Options: Options{Now: time.Now}}})
	if _, err := s.Blacklist(KeyCaller{}, nil); AsError(err).Code != CodeForbidden {
		t.Errorf("a feed without the scope: %v", err)
	}
}
