package stream

import (
	"context"
	"sync"
	"time"

	"rekey/internal/auth"
)

// Heartbeat is the kind of a change that says how far a follower of the
// blacklist has been sent everything: up to its At.
const Heartbeat auth.ChangeKind = "heartbeat"

const (
	// commitWithin is how much later than its time a change may become visible
	// in the store.
	commitWithin = 10 * time.Second
	// linger is how long the feed goes on after its last follower left. Followers
	// that were disconnected together and reconnect are then not sent everything
	// of the last window once more.
	linger = time.Minute
)

// feed sends the blacklist to this replica's followers. It sends the changes
// that the bus brings at once, and reads the store for those that the bus may
// have lost: revocations and single tokens every second, by index; rotations
// less often, by reading every session.
type feed struct {
	opts Options
	progress

	mu        sync.Mutex // guards the fields below, and followers' offsets
	followers map[*FeedStream]bool
	log       changeLog
	seen      recentChanges // what was sent to followers
	since     time.Time     // when the first follower joined; zero: the feed is idle
	followed  time.Time     // when there was a follower last
	busLost   bool
	busGaps   int // how often the bus may have lost changes
}

// clockDistance is how far the clocks of two replicas may be apart, each
// differing from the database's as far as it may.
func (f *feed) clockDistance() time.Duration { return 2 * auth.MaxClockDistance(f.opts.ClockLeeway) }

// window is how far before its last success a look into the store goes back:
// changes become visible later than their time says, and clocks differ.
func (f *feed) window() time.Duration { return commitWithin + f.clockDistance() }

// complete fills in what follows from the settings.
func (f *feed) complete(c auth.Change) auth.Change {
	c.EffectiveAt = c.At
	if c.Overlaps() {
		c.EffectiveAt = c.At.Add(f.opts.AccessOverlap + time.Microsecond) // the overlap includes its last moment
	}
	if c.ExpiresAt.IsZero() {
		c.ExpiresAt = c.At.Add(f.opts.AccessTTL + f.clockDistance())
	}
	return c
}

// concerns reports whether a token that a change is about may be unexpired by
// any replica's clock.
func (f *feed) concerns(c auth.Change, now time.Time) bool {
	return c.ExpiresAt.Add(f.clockDistance()).After(now)
}

// onChange handles a change from the bus.
func (f *feed) onChange(c auth.Change) {
	switch c.Kind {
	case BusLost, BusBack:
		f.mu.Lock()
		defer f.mu.Unlock()
		f.busLost = c.Kind == BusLost
		f.busGaps++
	default:
		f.broadcast(f.complete(c))
	}
}

// broadcast sends changes to every follower, each change once.
func (f *feed) broadcast(changes ...auth.Change) {
	now := f.opts.Now()
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.since.IsZero() {
		return
	}
	end := f.log.end()
	for _, c := range changes {
		if f.concerns(c, now) && f.seen.add(c) {
			f.log.add(c)
		}
	}
	if f.log.end() > end {
		f.deliver()
	}
}

func heartbeat(at time.Time) auth.Change {
	return auth.Change{Kind: Heartbeat, At: at, EffectiveAt: at, ExpiresAt: at}
}

// deliver wakes followers, disconnects those that the log is no longer complete
// for, and trims the log to what the others have not read. The caller holds the
// lock.
func (f *feed) deliver() {
	oldest := f.log.end()
	for st := range f.followers {
		if st.offset < f.log.first {
			st.end(auth.Unavailable(errSlow))
		}
		if st.ended() {
			delete(f.followers, st)
			continue
		}
		oldest = min(oldest, st.offset)
		select {
		case st.wake <- struct{}{}:
		default: // it is awake
		}
	}
	f.log.trim(oldest)
}

// join adds a follower. It is added before it reads history, so that it misses
// nothing in between.
func (f *feed) join(ctx context.Context, since *time.Time) *FeedStream {
	now := f.opts.Now()
	st := &FeedStream{subscription: newSubscription(ctx, 0), feed: f, wake: make(chan struct{}, 1)}
	st.replay = f.replaySince(since, now)
	f.mu.Lock()
	defer f.mu.Unlock()
	st.offset = f.log.end()
	f.followers[st] = true
	f.followed = now
	if f.since.IsZero() {
		f.since = now
	}
	return st
}

// disconnect ends all followers' streams, and what was kept for them.
func (f *feed) disconnect(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for st := range f.followers {
		st.end(err)
	}
	f.reset()
}

// reset forgets the followers and what is kept for them. The caller holds the
// lock.
func (f *feed) reset() {
	clear(f.followers)
	f.log.trim(f.log.end())
	f.seen = newRecentChanges()
	f.since = time.Time{}
}
