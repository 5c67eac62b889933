package stream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

// fakeStore keeps changes in memory, and has a clock of its own.
type fakeStore struct {
	now    time.Time
	off    time.Duration                     // how far now is ahead of the database's clock
	takes  time.Duration                     // how long a scan takes
	rows   map[auth.ChangeKind][]auth.Change // rotations in the order of sessions, others in the order of time
	asked  map[auth.ChangeKind][]time.Time
	broken map[auth.ChangeKind]error
	log    bytes.Buffer
}

func (f *fakeStore) Changes(_ context.Context, kind auth.ChangeKind, after auth.ChangeCursor, limit int) ([]auth.Change, *auth.ChangeCursor, error) {
	if after.SessionID == "" { // a first page
		f.asked[kind] = append(f.asked[kind], after.At)
		if kind == auth.ChangeRotated {
			f.now = f.now.Add(f.takes)
		}
	}
	var page []auth.Change
	for _, c := range f.rows[kind] {
		later := c.At.After(after.At) || c.At.Equal(after.At) && c.SessionID > after.SessionID
		if kind == auth.ChangeRotated && c.SessionID > after.SessionID || kind != auth.ChangeRotated && later {
			page = append(page, c)
		}
		if len(page) == limit {
			next := auth.ChangeCursor{At: c.At, SessionID: c.SessionID}
			if kind == auth.ChangeRotated {
				next.At = after.At
			}
			return younger(page, after.At), &next, f.broken[kind]
		}
	}
	return younger(page, after.At), nil, f.broken[kind]
}

func younger(page []auth.Change, than time.Time) (kept []auth.Change) {
	for _, c := range page {
		if !c.At.Before(than) {
			kept = append(kept, c)
		}
	}
	return kept
}

// databaseClock is the store of a core that only checks its clock.
type databaseClock struct {
	auth.Store
	fake *fakeStore
}

func (c databaseClock) Now(context.Context) (time.Time, error) {
	return c.fake.now.Add(-c.fake.off), nil
}

// newTestHub returns a hub that reads a fake store.
func newTestHub(t *testing.T, leeway time.Duration) (*fakeStore, *Hub) {
	t.Helper()
	fake := &fakeStore{
		now: time.Unix(1_000_000, 0), rows: map[auth.ChangeKind][]auth.Change{},
		asked: map[auth.ChangeKind][]time.Time{}, broken: map[auth.ChangeKind]error{},
	}
	now := func() time.Time { return fake.now }
	core, err := auth.New(auth.Options{
		Settings: auth.Settings{ClockLeeway: leeway}, Store: databaseClock{fake: fake}, Now: now,
		Tokens: struct{ auth.Tokens }{}, Blacklist: struct{ auth.Blacklist }{}, Limiter: struct{ auth.Limiter }{}, Events: struct{ auth.Events }{},
		Passwords: auth.NewPasswords(1, 1, nil), RotationKeys: auth.FixedKeys(make([]byte, 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return fake, NewHub(Options{
		Core: core, Store: fake, Now: now, Logger: slog.New(slog.NewTextHandler(&fake.log, nil)),
		AccessTTL: 15 * time.Minute, AccessOverlap: 10 * time.Second, ClockLeeway: leeway,
	})
}

func newTestFeed(t *testing.T) (*fakeStore, *feed) {
	fake, h := newTestHub(t, 30*time.Second)
	return fake, h.feed
}

// add adds a change to the store.
func (f *fakeStore) add(kind auth.ChangeKind, n int) auth.Change {
	c := auth.Change{Kind: kind, SessionID: fmt.Sprintf("%s-%07d", kind, n), At: f.now}
	f.rows[kind] = append(f.rows[kind], c)
	return c
}

// seconds makes a tick each second.
func (f *feed) seconds(t *testing.T, fake *fakeStore, n int) {
	for range n {
		f.tick(t.Context())
		fake.now = fake.now.Add(time.Second)
	}
}

// toHeartbeat reads up to a heartbeat, and returns it with how often each
// session arrived before.
func (st *FeedStream) toHeartbeat(t *testing.T, meanwhile func(n int)) (auth.Change, map[string]int) {
	t.Helper()
	times := map[string]int{}
	for n := 1; ; n++ {
		c, err := st.Next()
		if err != nil {
			t.Fatalf("after %d sessions: %v", len(times), err)
		}
		if c.Kind == Heartbeat {
			return c, times
		}
		times[c.SessionID]++
		if meanwhile != nil {
			meanwhile(n)
		}
	}
}

// pending reads what is there.
func (st *FeedStream) pending() (events, heartbeats int) {
	for {
		c, ok := st.live()
		switch {
		case !ok:
			return events, heartbeats
		case c.Kind == Heartbeat:
			heartbeats++
		default:
			events++
		}
	}
}

// wantUnavailable reads on, and fails unless the stream ends with UNAVAILABLE.
// It returns how often each session arrived before.
func (st *FeedStream) wantUnavailable(t *testing.T, cause error) map[string]int {
	t.Helper()
	times := map[string]int{}
	for {
		c, err := st.Next()
		if err == nil {
			times[c.SessionID]++
			continue
		}
		if auth.AsError(err).Code != auth.CodeUnavailable || !errors.Is(err, cause) {
			t.Fatalf("it ends with %v, want %v", err, cause)
		}
		return times
	}
}

// A feed that nobody follows reads nothing. A feed with a follower reads by
// index each second, and scans as often as the bus and the scans' duration
// allow.
func TestFeed_cadence(t *testing.T) {
	for name, tt := range map[string]struct {
		bus   auth.ChangeKind
		takes time.Duration
		scans int // in five minutes
	}{
		"the bus works":        {BusBack, 0, 10},
		"the bus is lost":      {BusLost, 0, 60},
		"two seconds":          {BusBack, 2 * time.Second, 8},
		"two seconds and lost": {BusLost, 2 * time.Second, 30},
	} {
		t.Run(name, func(t *testing.T) {
			fake, f := newTestFeed(t)
			f.onChange(auth.Change{Kind: tt.bus})
			if f.tick(t.Context()); len(fake.asked) > 0 {
				t.Error("it reads though nobody follows")
			}
			f.join(t.Context(), nil)
			fake.takes = tt.takes
			ticks := 0
			for end := fake.now.Add(5 * time.Minute); fake.now.Before(end); ticks++ {
				f.seconds(t, fake, 1)
			}
			if len(fake.asked[auth.ChangeRevoked]) != ticks {
				t.Errorf("%d polls in %d ticks", len(fake.asked[auth.ChangeRevoked]), ticks)
			}
			if got := len(fake.asked[auth.ChangeRotated]); got < tt.scans || got > tt.scans+1 {
				t.Errorf("%d scans, want %d", got, tt.scans)
			}
		})
	}
}

// What is found again is sent once, and a poll goes back behind the last one
// that succeeded. That polls begin to fail, and that they succeed again, is
// logged once each.
func TestFeed_poll(t *testing.T) {
	fake, f := newTestFeed(t)
	st := f.join(t.Context(), nil)
	st.toHeartbeat(t, nil)
	at := fake.now
	c := fake.add(auth.ChangeRevoked, 1)
	f.onChange(auth.Change{Kind: auth.ChangeRevoked, SessionID: c.SessionID, At: at})
	f.seconds(t, fake, 3)
	if n, _ := st.pending(); n != 1 {
		t.Errorf("sent %d times", n)
	}
	fake.broken[auth.ChangeRevoked] = auth.Unavailable(errors.New("database unreachable"))
	f.seconds(t, fake, 120)
	if n, heartbeats := st.pending(); n > 0 || heartbeats > 1 {
		t.Errorf("%d changes and %d heartbeats though nothing could be read", n, heartbeats)
	}
	clear(fake.broken)
	before := len(fake.asked[auth.ChangeRevoked])
	f.seconds(t, fake, 1)
	if from, last := fake.asked[auth.ChangeRevoked][before], at.Add(2*time.Second); !from.Equal(last.Add(-f.window())) {
		t.Errorf("after an outage it reads from %v, want a window before %v", from, last)
	}
	f.seconds(t, fake, 30)
	if _, heartbeats := st.pending(); heartbeats != 2 {
		t.Errorf("%d heartbeats in half a minute after an outage", heartbeats)
	}
	lines := strings.Split(strings.TrimSpace(fake.log.String()), "\n")
	if len(lines) != 2 || !strings.Contains(lines[0], "level=WARN") || !strings.Contains(lines[0], `error="database unreachable"`) || !strings.Contains(lines[1], "level=INFO") {
		t.Errorf("the log is %q", lines)
	}
}

// While scans fail there are no heartbeats: the bus may have lost rotations.
// Scans are retried soon, and what was lost is sent before the next heartbeat.
func TestFeed_scanFails(t *testing.T) {
	fake, f := newTestFeed(t)
	f.onChange(auth.Change{Kind: BusBack})
	st := f.join(t.Context(), nil)
	f.seconds(t, fake, 20)
	if _, heartbeats := st.pending(); heartbeats > 0 {
		t.Error("a heartbeat before the first")
	}
	st.toHeartbeat(t, nil)
	f.onChange(auth.Change{Kind: BusLost})
	f.onChange(auth.Change{Kind: BusBack})
	fake.broken[auth.ChangeRotated] = auth.Unavailable(errors.New("statement timeout"))
	scans := len(fake.asked[auth.ChangeRotated])
	fake.add(auth.ChangeRotated, 1)
	f.seconds(t, fake, 300)
	if events, heartbeats := st.pending(); events > 0 || heartbeats > 0 {
		t.Errorf("%d heartbeats though rotations could not be read", heartbeats)
	}
	if scans = len(fake.asked[auth.ChangeRotated]) - scans; scans < 59 || scans > 61 {
		t.Errorf("%d scans in 300 s", scans)
	}
	clear(fake.broken)
	f.seconds(t, fake, 20)
	if _, times := st.toHeartbeat(t, nil); len(times) != 1 {
		t.Errorf("before the next heartbeat it is sent %v", times)
	}
	if n := len(fake.asked[auth.ChangeRotated]); f.busGaps != f.coveredGaps || n < scans+2 {
		t.Errorf("the gap is open after %d scans", n)
	}
}

// A gap of the bus that ends while scans take long is covered by the next scan
// that their duration allows.
func TestFeed_gapWhileBusy(t *testing.T) {
	fake, f := newTestFeed(t)
	f.onChange(auth.Change{Kind: BusBack})
	fake.takes = 10 * time.Second
	f.join(t.Context(), nil)
	f.seconds(t, fake, 2)
	f.onChange(auth.Change{Kind: BusLost})
	f.seconds(t, fake, 1)
	f.onChange(auth.Change{Kind: BusBack})
	scans := len(fake.asked[auth.ChangeRotated])
	f.seconds(t, fake, 45)
	if n := len(fake.asked[auth.ChangeRotated]); n != scans+1 {
		t.Errorf("%d scans within 5 times as long as one takes", n-scans)
	}
	f.seconds(t, fake, 100)
	if n := len(fake.asked[auth.ChangeRotated]); n != scans+1 {
		t.Errorf("%d scans within 15 times as long, the gap being covered", n-scans)
	}
}

// A follower that is sent a long history is meanwhile sent what happens, and
// what polls find, and gets no heartbeat before the history is complete.
func TestFeedStream_busy(t *testing.T) {
	fake, f := newTestFeed(t)
	f.onChange(auth.Change{Kind: BusBack})
	const many = 6000
	for n := range many {
		fake.add(auth.ChangeRotated, n)
	}
	since := fake.now.Add(-15 * time.Minute)
	st := f.join(t.Context(), &since)
	joined, live := fake.now, 0
	first, times := st.toHeartbeat(t, func(n int) {
		if n%10 == 0 && live < 1000 { // a tenth of what it reads happens meanwhile
			live++
			f.onChange(auth.Change{Kind: auth.ChangeRotated, SessionID: fmt.Sprintf("live-%d", live), At: fake.now})
		}
		if n%200 == 0 {
			f.seconds(t, fake, 1)
		}
	})
	if !first.At.Equal(joined.Add(-f.window())) {
		t.Errorf("the first heartbeat says %v, want a window before %v", first.At, joined)
	}
	if len(times) != many+live || live != 1000 {
		t.Errorf("sent %d sessions, want %d of the history and %d", len(times), many, live)
	}
	for id, n := range times {
		if n > 2 {
			t.Fatalf("%s is sent %d times", id, n)
		}
	}
	f.seconds(t, fake, 20)
	if next, _ := st.toHeartbeat(t, nil); !next.At.After(first.At) {
		t.Errorf("the next heartbeat says %v, the first said %v", next.At, first.At)
	}
}

// A follower that falls behind by more than the log holds is disconnected with
// UNAVAILABLE, and so is one that falls behind while it is sent the history;
// the others go on. A follower that reconnects with the At of its last
// heartbeat has missed nothing.
func TestFeedStream_behind(t *testing.T) {
	fake, f := newTestFeed(t)
	f.onChange(auth.Change{Kind: BusBack})
	slow, quick := f.join(t.Context(), nil), f.join(t.Context(), nil)
	last, _ := slow.toHeartbeat(t, nil)
	quick.toHeartbeat(t, nil)
	f.log.limit = 1000
	const many, more = 2100, 1001
	arrived := 0
	revoke := func(n int) {
		for range n {
			fake.now = fake.now.Add(time.Microsecond)
			c := fake.add(auth.ChangeRevoked, len(fake.rows[auth.ChangeRevoked]))
			f.onChange(auth.Change{Kind: auth.ChangeRevoked, SessionID: c.SessionID, At: c.At})
			if len(fake.rows[auth.ChangeRevoked])%500 == 0 {
				n, _ := quick.pending()
				arrived += n
			}
		}
	}
	fake.add(auth.ChangeRotated, 1)
	revoke(many)
	if n, _ := quick.pending(); arrived+n != many {
		t.Errorf("the other follower was sent %d of %d", arrived+n, many)
	}
	if n := len(f.log.changes); n > f.log.limit {
		t.Errorf("the log holds %d changes", n)
	}
	slow.wantUnavailable(t, errSlow)

	again := f.join(t.Context(), &last.At)
	if c, err := again.Next(); err != nil || c.Kind == Heartbeat {
		t.Fatal(c, err)
	}
	revoke(more)
	again.wantUnavailable(t, errSlow)

	_, times := f.join(t.Context(), &last.At).toHeartbeat(t, nil)
	if len(times) != many+more+1 {
		t.Errorf("reconnected, it is sent %d sessions, want %d", len(times), many+more+1)
	}
}

// Many changes that one scan finds at once, more than the log holds, disconnect
// all followers. When they reconnect, the same changes do not come through the
// log once more and disconnect them again.
func TestFeedStream_allBehind(t *testing.T) {
	fake, f := newTestFeed(t)
	f.onChange(auth.Change{Kind: BusLost})
	f.log.limit = 1000
	var followers []*FeedStream
	var last auth.Change
	for range 3 {
		st := f.join(t.Context(), nil)
		last, _ = st.toHeartbeat(t, nil)
		followers = append(followers, st)
	}
	f.seconds(t, fake, 2)
	const many = 5000
	for n := range many {
		fake.add(auth.ChangeRotated, n)
	}
	f.seconds(t, fake, 20)
	for _, st := range followers {
		st.wantUnavailable(t, errSlow)
	}
	st := f.join(t.Context(), &last.At)
	f.seconds(t, fake, 1)
	_, times := st.toHeartbeat(t, func(n int) {
		if n%500 == 0 {
			f.seconds(t, fake, 1)
		}
	})
	if len(times) != many {
		t.Errorf("reconnected, it is sent %d sessions, want %d", len(times), many)
	}
}

// What followers need is kept while there are any, and a little longer; memory
// is bounded.
func TestFeed_kept(t *testing.T) {
	fake, f := newTestFeed(t)
	a, b := f.join(t.Context(), nil), f.join(t.Context(), nil)
	revoke := func(n int) {
		f.onChange(auth.Change{Kind: auth.ChangeRevoked, SessionID: fmt.Sprint(n), At: fake.now})
	}
	for n := range 300 {
		revoke(n)
	}
	if a.toHeartbeat(t, nil); len(f.log.changes) != 300 {
		t.Errorf("%d changes are kept for a follower that has not read", len(f.log.changes))
	}
	b.toHeartbeat(t, nil)
	if revoke(301); len(f.log.changes) > 1 {
		t.Errorf("%d changes are kept that all have read", len(f.log.changes))
	}
	for _, st := range []*FeedStream{a, b} {
		st.end(context.Canceled)
	}
	if f.seconds(t, fake, 1); len(f.log.changes) > 0 {
		t.Error("changes are kept for nobody")
	}
	if f.seconds(t, fake, int(linger/time.Second)); len(f.log.changes)+len(f.seen.at) > 0 {
		t.Error("something is kept for nobody")
	}
	f.seen.limit = 10
	first, last := auth.Change{Kind: auth.ChangeRevoked, At: fake.now}, auth.Change{Kind: auth.ChangeAccess, At: fake.now}
	for n := range f.seen.limit {
		f.seen.add(first)
		first.SessionID = fmt.Sprint(n)
	}
	first.SessionID = ""
	if f.seen.add(first) || !f.seen.add(last) || !f.seen.add(last) || len(f.seen.at) > f.seen.limit {
		t.Errorf("%d changes are remembered", len(f.seen.at))
	}
}
