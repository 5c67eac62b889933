package auth

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// feedFake is a store on a clock of its own.
type feedFake struct {
	now    time.Time
	off    time.Duration            // how far that is ahead of the database's
	takes  time.Duration            // a look for rotations
	rows   map[FeedKind][]FeedEvent // rotations in the order of sessions, all else of time
	asked  map[FeedKind][]time.Time
	broken map[FeedKind]error
	log    bytes.Buffer
}

func (f *feedFake) Blacklisted(_ context.Context, kind FeedKind, after FeedCursor, limit int) ([]FeedEvent, *FeedCursor, error) {
	if after.SessionID == "" { // a new look
		f.asked[kind] = append(f.asked[kind], after.At)
		if kind == FeedRotated {
			f.now = f.now.Add(f.takes)
		}
	}
	var page []FeedEvent
	for _, e := range f.rows[kind] {
		later := e.At.After(after.At) || e.At.Equal(after.At) && e.SessionID > after.SessionID
		if kind == FeedRotated && e.SessionID > after.SessionID || kind != FeedRotated && later {
			page = append(page, e)
		}
		if len(page) == limit {
			next := FeedCursor{At: e.At, SessionID: e.SessionID}
			if kind == FeedRotated {
				next.At = after.At
			}
			return younger(page, after.At), &next, f.broken[kind]
		}
	}
	return younger(page, after.At), nil, f.broken[kind]
}

// feedClock is the database's.
type feedClock struct {
	Store
	fake *feedFake
}

func (c feedClock) Now(context.Context) (time.Time, error) { return c.fake.now.Add(-c.fake.off), nil }

func younger(page []FeedEvent, than time.Time) (kept []FeedEvent) {
	for _, e := range page {
		if !e.At.Before(than) {
			kept = append(kept, e)
		}
	}
	return kept
}

func newFeedFake() (*feedFake, *feed) {
	fake := &feedFake{
		now: time.Unix(1_000_000, 0), rows: map[FeedKind][]FeedEvent{},
		asked: map[FeedKind][]time.Time{}, broken: map[FeedKind]error{},
	}
	core := &Service{
		settings: Settings{AccessTTL: 15 * time.Minute, ClockLeeway: 30 * time.Second, AccessOverlap: 10 * time.Second},
		store:    feedClock{fake: fake}, now: func() time.Time { return fake.now }, logger: slog.New(slog.NewTextHandler(&fake.log, nil)),
	}
	return fake, newFeed(StreamOptions{Core: core, Feed: fake})
}

// add adds an entry to the store.
func (f *feedFake) add(kind FeedKind, n int) FeedEvent {
	e := FeedEvent{Kind: kind, SessionID: fmt.Sprintf("%s-%07d", kind, n), At: f.now}
	f.rows[kind] = append(f.rows[kind], e)
	return e
}

// seconds makes a round each second.
func (f *feed) seconds(t *testing.T, fake *feedFake, n int) {
	for range n {
		f.round(t.Context())
		fake.now = fake.now.Add(time.Second)
	}
}

// toBeat reads up to a heartbeat, and returns it with how often each session
// was told before.
func (st *FeedStream) toBeat(t *testing.T, meanwhile func(n int)) (FeedEvent, map[string]int) {
	t.Helper()
	times := map[string]int{}
	for n := 1; ; n++ {
		e, err := st.Next(t.Context())
		if err != nil {
			t.Fatalf("after %d sessions: %v", len(times), err)
		}
		if e.Kind == FeedHeartbeat {
			return e, times
		}
		times[e.SessionID]++
		if meanwhile != nil {
			meanwhile(n)
		}
	}
}

// pending reads what is there.
func (st *FeedStream) pending() (events, beats int) {
	for {
		e, ok := st.heard()
		switch {
		case !ok:
			return events, beats
		case e.Kind == FeedHeartbeat:
			beats++
		default:
			events++
		}
	}
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
			f.join(nil)
			fake.takes = tt.takes
			rounds := 0
			for end := fake.now.Add(5 * time.Minute); fake.now.Before(end); rounds++ {
				f.seconds(t, fake, 1)
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
// that succeeded. When looks begin to fail, and when they succeed again, is
// logged, once each.
func TestFeed_look(t *testing.T) {
	fake, f := newFeedFake()
	st := f.join(nil)
	st.toBeat(t, nil)
	at := fake.now
	e := fake.add(FeedRevoked, 1)
	f.hear(Notice{Kind: NoticeRevoked, SessionID: e.SessionID, At: at})
	f.seconds(t, fake, 3)
	if n, _ := st.pending(); n != 1 {
		t.Errorf("told %d times", n)
	}
	fake.broken[FeedRevoked] = Unavailable(errors.New("database away"))
	f.seconds(t, fake, 120)
	if n, beats := st.pending(); n > 0 || beats > 1 {
		t.Errorf("%d entries and %d heartbeats though nothing could be read", n, beats)
	}
	clear(fake.broken)
	before := len(fake.asked[FeedRevoked])
	f.seconds(t, fake, 1)
	if from, last := fake.asked[FeedRevoked][before], at.Add(2*time.Second); !from.Equal(last.Add(-f.window())) {
		t.Errorf("after an outage it looks from %v, want a window before %v", from, last)
	}
	f.seconds(t, fake, 30)
	if _, beats := st.pending(); beats != 2 {
		t.Errorf("%d heartbeats in half a minute after an outage", beats)
	}
	lines := strings.Split(strings.TrimSpace(fake.log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], `error="database away"`) || !strings.Contains(lines[1], "level=INFO") {
		t.Errorf("the log says %q", lines)
	}
}

// While rotations alone cannot be looked for, heartbeats wait for them: what
// the bus lost is not known. They are looked for again soon, and what was lost
// is told before the next heartbeat.
func TestFeed_scanFails(t *testing.T) {
	fake, f := newFeedFake()
	f.hear(Notice{Kind: NoticeBack})
	st := f.join(nil)
	f.seconds(t, fake, 20)
	if _, beats := st.pending(); beats > 0 {
		t.Error("a heartbeat before the first")
	}
	st.toBeat(t, nil)
	f.hear(Notice{Kind: NoticeLost})
	f.hear(Notice{Kind: NoticeBack})
	fake.broken[FeedRotated] = Unavailable(errors.New("statement timeout"))
	tried := len(fake.asked[FeedRotated])
	fake.add(FeedRotated, 1)
	f.seconds(t, fake, 300)
	if events, beats := st.pending(); events > 0 || beats > 0 {
		t.Errorf("%d heartbeats vouch for rotations that nobody has looked for", beats)
	}
	if tried = len(fake.asked[FeedRotated]) - tried; tried < 59 || tried > 61 {
		t.Errorf("tried %d times in 300 s", tried)
	}
	clear(fake.broken)
	f.seconds(t, fake, 20)
	if _, times := st.toBeat(t, nil); len(times) != 1 {
		t.Errorf("before the next heartbeat it is told %v", times)
	}
	if n := len(fake.asked[FeedRotated]); f.gaps != f.covered || n < tried+2 {
		t.Errorf("the gap is open after %d scans", n)
	}
}

// A gap of the bus that ends while scans take long is not forgotten until the
// next one is due, as without the bus.
func TestFeed_gapWhileBusy(t *testing.T) {
	fake, f := newFeedFake()
	f.hear(Notice{Kind: NoticeBack})
	fake.takes = 10 * time.Second
	f.join(nil)
	f.seconds(t, fake, 2)
	f.hear(Notice{Kind: NoticeLost})
	f.seconds(t, fake, 1)
	f.hear(Notice{Kind: NoticeBack})
	scans := len(fake.asked[FeedRotated])
	f.seconds(t, fake, 45)
	if n := len(fake.asked[FeedRotated]); n != scans+1 {
		t.Errorf("%d scans within 5 times as long as one takes", n-scans)
	}
	f.seconds(t, fake, 100)
	if n := len(fake.asked[FeedRotated]); n != scans+1 {
		t.Errorf("%d scans within 15 times as long, the gap being closed", n-scans)
	}
}

// A follower that is told a long past meanwhile hears what happens, and what
// looks find, and is told no heartbeat before the past is over.
func TestFeedStream_busy(t *testing.T) {
	fake, f := newFeedFake()
	f.hear(Notice{Kind: NoticeBack})
	const many = 6000
	for n := range many {
		fake.add(FeedRotated, n)
	}
	since := fake.now.Add(-15 * time.Minute)
	st := f.join(&since)
	joined, live := fake.now, 0
	first, times := st.toBeat(t, func(n int) {
		if n%10 == 0 && live < 1000 { // a tenth of what it reads happens meanwhile
			live++
			f.hear(Notice{Kind: NoticeRotated, SessionID: fmt.Sprintf("live-%d", live), At: fake.now})
		}
		if n%200 == 0 {
			f.seconds(t, fake, 1)
		}
	})
	if !first.At.Equal(joined.Add(-f.window())) {
		t.Errorf("the first heartbeat tells %v, want a window before %v", first.At, joined)
	}
	if len(times) != many+live || live != 1000 {
		t.Errorf("told %d sessions, want %d of the past and %d", len(times), many, live)
	}
	for id, n := range times {
		if n > 2 {
			t.Fatalf("%s is told %d times", id, n)
		}
	}
	f.seconds(t, fake, 20)
	if next, _ := st.toBeat(t, nil); !next.At.After(first.At) {
		t.Errorf("the next heartbeat tells %v, the first told %v", next.At, first.At)
	}
}

// Who falls behind by more than is kept is told it from the store, while the
// others go on; the next heartbeat comes when that is done.
func TestFeedStream_behind(t *testing.T) {
	fake, f := newFeedFake()
	f.hear(Notice{Kind: NoticeBack})
	slow, quick := f.join(nil), f.join(nil)
	slow.toBeat(t, nil)
	quick.toBeat(t, nil)
	f.log.limit = 1000
	const many = 2100
	heard := 0
	revoke := func(n int) {
		for range n {
			fake.now = fake.now.Add(time.Microsecond)
			e := fake.add(FeedRevoked, len(fake.rows[FeedRevoked]))
			f.hear(Notice{Kind: NoticeRevoked, SessionID: e.SessionID, At: e.At})
			if len(fake.rows[FeedRevoked])%500 == 0 {
				n, _ := quick.pending()
				heard += n
			}
		}
	}
	fake.add(FeedRotated, 1)
	revoke(many)
	if n, _ := quick.pending(); heard+n != many {
		t.Errorf("the other follower was told %d of %d", heard+n, many)
	}
	if n := len(f.log.events); n > f.log.limit {
		t.Errorf("%d events are kept", n)
	}
	// Once more while it is told the past.
	const more = 1001
	_, times := slow.toBeat(t, func(n int) {
		if n == 10 {
			revoke(more)
		}
	})
	if len(times) != many+more+1 {
		t.Errorf("told %d sessions, want %d", len(times), many+more+1)
	}
	f.seconds(t, fake, heartbeatEvery)
	slow.toBeat(t, nil)
	for range feedTries {
		slow.place, slow.taken = f.log.first-1, nil // behind again, before a heartbeat
		if _, err := slow.Next(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	slow.place = f.log.first - 1
	if _, err := slow.Next(t.Context()); AsError(err).Code != CodeUnavailable || !errors.Is(err, errSlow) {
		t.Errorf("it ends with %v", err)
	}
}

// What followers need is kept while there are any; memory is bounded.
func TestFeed_kept(t *testing.T) {
	fake, f := newFeedFake()
	a, b := f.join(nil), f.join(nil)
	hear := func(n int) {
		f.hear(Notice{Kind: NoticeRevoked, SessionID: fmt.Sprint(n), At: fake.now})
	}
	for n := range 300 {
		hear(n)
	}
	if a.toBeat(t, nil); len(f.log.events) != 300 {
		t.Errorf("%d events are kept for a follower who has not read", len(f.log.events))
	}
	b.toBeat(t, nil)
	if hear(301); len(f.log.events) > 1 {
		t.Errorf("%d events are kept that all have read", len(f.log.events))
	}
	for _, st := range []*FeedStream{a, b} {
		st.end(context.Canceled)
	}
	if f.seconds(t, fake, 1); len(f.log.events)+len(f.seen.at) > 0 {
		t.Error("something is kept for nobody")
	}
	f.seen.limit = 10
	first, last := FeedEvent{Kind: FeedRevoked, At: fake.now}, FeedEvent{Kind: FeedAccess, At: fake.now}
	for n := range f.seen.limit {
		f.seen.news(first)
		first.SessionID = fmt.Sprint(n)
	}
	first.SessionID = ""
	if f.seen.news(first) || !f.seen.news(last) || !f.seen.news(last) || len(f.seen.at) > f.seen.limit {
		t.Errorf("%d entries are remembered", len(f.seen.at))
	}
}
