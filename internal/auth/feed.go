package auth

import (
	"context"
	"sync"
	"time"
)

// FeedKind is one of the ways into the blacklist, and what a FeedEvent is about.
type FeedKind string

// The kinds. All but the last are ways into the blacklist.
const (
	FeedRevoked FeedKind = "revoked" // a session ended
	FeedRotated FeedKind = "rotated" // a pair was replaced
	FeedAccess  FeedKind = "access"  // one access token
	FeedRefresh FeedKind = "refresh" // one refresh token
	// FeedHeartbeat tells how far the feed has come.
	FeedHeartbeat FeedKind = "heartbeat"
)

// FeedEvent is one entry of the blacklist, as followers get it.
type FeedEvent struct {
	Kind      FeedKind
	SessionID string
	// SecretHash limits it to the tokens with this secret.
	SecretHash *SecretHash
	// IssuedBefore widens it to the session's tokens issued before.
	IssuedBefore *time.Time
	Use          TokenUse // empty: both
	Reason       string
	At           time.Time
	EffectiveAt  time.Time // from when on access tokens are refused
	ExpiresAt    time.Time // when the last token concerned ends by itself
}

// FeedCursor is a place in the order of entries of one kind.
type FeedCursor struct {
	At        time.Time
	SessionID string
	Secret    SecretHash
}

// FeedStore reads the blacklist in the order of time.
type FeedStore interface {
	// Blacklisted lists entries of one kind that come after a place, in the
	// order of At, SessionID and SecretHash, at most limit. EffectiveAt, and
	// ExpiresAt but for FeedAccess, are left to the caller. next is where to go
	// on, nil at the end.
	//
	// FeedRotated has no index in the order of time. It looks at limit sessions
	// in the order of SessionID and lists those of a later At than the place's,
	// maybe none: all of it together reads every session.
	Blacklisted(ctx context.Context, kind FeedKind, after FeedCursor, limit int) (entries []FeedEvent, next *FeedCursor, err error)
}

const (
	// commitWithin is how much later than its time a change may be seen.
	commitWithin = 10 * time.Second
	// scanEvery is how often rotations are looked for in the store while the
	// bus works, and scanFast while it does not. scanShare and scanShareFast are
	// how many times as long as a look took is waited before the next.
	scanEvery     = 30 * time.Second
	scanFast      = 5 * time.Second
	scanShare     = 20
	scanShareFast = 5
	// heartbeatEvery is how many ticks, seconds that is, are between two.
	heartbeatEvery = 15
	feedPage       = 1000
	// scanPage is how many sessions one statement looks at: some 2 ms.
	scanPage = 2000
	// feedQueue is what a follower may be behind, some 300 kB.
	feedQueue = 2048
	// feedMemory bounds the entries remembered so as not to tell them twice,
	// those of some 100 s: 40 MB.
	feedMemory = 200_000
)

// feed is the blacklist's followers on this replica. It tells them what the bus
// brings at once, and looks into the store for what the bus may have lost:
// every second by index for ended sessions and single tokens, and less often,
// by reading every session, for rotations.
type feed struct {
	StreamOptions

	mu        sync.Mutex
	followers map[*FeedStream]bool
	seen      map[seenKey]bool
	busLost   bool
	gap       bool // the bus lost something since the last round

	// These are used by round alone.
	ticks    int
	polled   time.Time     // begin of the last look by index that succeeded
	scanned  time.Time     // begin of the last look for rotations that succeeded
	lastScan time.Time     // begin of the last one, zero when one is due
	scanTook time.Duration // how long it took
}

type seenKey struct {
	kind    FeedKind
	session string
	secret  SecretHash
	at      int64
}

func seenKeyOf(e FeedEvent) seenKey {
	key := seenKey{kind: e.Kind, session: e.SessionID, at: e.At.UnixMicro()}
	if e.SecretHash != nil {
		key.secret = *e.SecretHash
	}
	return key
}

func newFeed(o StreamOptions) *feed {
	return &feed{StreamOptions: o, followers: map[*FeedStream]bool{}, seen: map[seenKey]bool{}, busLost: true}
}

// window is how far a look goes back behind the one before: changes become
// visible later than their time says, and clocks are apart.
func (f *feed) window() time.Duration { return commitWithin + f.Core.ClockLeeway }

// complete fills in what follows from the settings.
func (f *feed) complete(e FeedEvent) FeedEvent {
	e.EffectiveAt = e.At
	if e.Kind == FeedRotated {
		e.EffectiveAt = e.At.Add(f.Core.AccessOverlap + time.Microsecond) // the overlap includes its last moment
	}
	if e.ExpiresAt.IsZero() {
		e.ExpiresAt = e.At.Add(f.Core.AccessTTL + f.Core.ClockLeeway)
	}
	return e
}

// feedEventOf turns a notice into an entry.
func feedEventOf(n Notice) FeedEvent {
	e := FeedEvent{SessionID: n.SessionID, SecretHash: n.SecretHash, At: n.At, ExpiresAt: n.ExpiresAt}
	switch n.Kind {
	case NoticeRotated:
		e.Kind, e.Reason, e.IssuedBefore = FeedRotated, "rotated", &n.IssuedAt
	case NoticeRevoked:
		e.Kind, e.Reason = FeedRevoked, n.Reason
	case NoticeBlacklisted:
		e.Kind, e.Use, e.Reason = FeedAccess, n.Use, "blacklisted"
		if n.Use == UseRefresh {
			e.Kind = FeedRefresh
		}
	}
	return e
}

func (f *feed) hear(n Notice) {
	switch n.Kind {
	case NoticeLost, NoticeBack:
		f.mu.Lock()
		defer f.mu.Unlock()
		f.busLost, f.gap = n.Kind == NoticeLost, true
	default:
		f.tell(f.complete(feedEventOf(n)))
	}
}

// tell tells every follower what was not told yet.
func (f *feed) tell(events ...FeedEvent) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.followers) == 0 {
		return
	}
	now := f.Core.Now()
	for _, e := range events {
		key := seenKeyOf(e)
		if f.seen[key] || !e.ExpiresAt.After(now) {
			continue
		}
		if len(f.seen) >= feedMemory {
			clear(f.seen) // then some are told twice
		}
		f.seen[key] = true
		for st := range f.followers {
			st.add(e)
		}
	}
	f.dropEnded()
}

// dropEnded forgets followers that have ended. The caller holds the lock.
func (f *feed) dropEnded() {
	for st := range f.followers {
		if st.over() {
			delete(f.followers, st)
		}
	}
}

// round does what is due at a tick.
func (f *feed) round(ctx context.Context) {
	now := f.Core.Now()
	st := f.state(now)
	if st.followers == 0 {
		f.polled, f.scanned, f.lastScan = time.Time{}, time.Time{}, time.Time{}
		return
	}
	if f.polled.IsZero() { // the first follower came since the last round
		f.polled, f.scanned = st.begin, st.begin
	}
	if f.look(ctx, f.polled, FeedRevoked, FeedAccess, FeedRefresh) {
		f.polled = now
	}
	if f.scanDue(now, st) {
		f.scan(ctx, now)
	}
	if f.ticks++; f.ticks%heartbeatEvery == 0 {
		f.beat(now)
	}
}

// feedState is what a round begins with.
type feedState struct {
	followers    int
	begin        time.Time // when the follower who is here longest came
	busLost, gap bool
}

func (f *feed) state(now time.Time) feedState {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.dropEnded()
	st := feedState{followers: len(f.followers), begin: now, busLost: f.busLost, gap: f.gap}
	f.gap = false
	for follower := range f.followers {
		st.begin = earlier(st.begin, follower.since)
	}
	return st
}

// scanDue: a scan reads every session, so that the time it takes bounds how
// often it is made.
func (f *feed) scanDue(now time.Time, st feedState) bool {
	pause, busy := scanEvery, scanShare*f.scanTook
	switch {
	case st.gap:
		pause = 0
	case st.busLost:
		pause, busy = scanFast, scanShareFast*f.scanTook
	}
	return !now.Before(f.lastScan.Add(max(pause, busy)))
}

// scan looks for rotations.
func (f *feed) scan(ctx context.Context, now time.Time) {
	if f.look(ctx, f.scanned, FeedRotated) {
		f.scanned = now
	}
	f.lastScan, f.scanTook = now, f.Core.Now().Sub(now)
	f.forget()
}

// look tells what the store has, from a window before a moment on.
func (f *feed) look(ctx context.Context, from time.Time, kinds ...FeedKind) bool {
	for _, kind := range kinds {
		for after := (&FeedCursor{At: from.Add(-f.window())}); after != nil; {
			page, next, err := f.page(ctx, kind, *after)
			if err != nil {
				return false // the store has logged it; the next round looks again
			}
			f.tell(page...)
			after = next
		}
	}
	return true
}

// page reads one page, and says where the next begins.
func (f *feed) page(ctx context.Context, kind FeedKind, after FeedCursor) (page []FeedEvent, next *FeedCursor, err error) {
	limit := feedPage
	if kind == FeedRotated {
		limit = scanPage
	}
	page, next, err = f.Feed.Blacklisted(ctx, kind, after, limit)
	for i := range page {
		page[i] = f.complete(page[i])
	}
	return page, next, err
}

// forget forgets what no look will find again.
func (f *feed) forget() {
	f.mu.Lock()
	defer f.mu.Unlock()
	oldest := earlier(f.polled, f.scanned).Add(-f.window()).UnixMicro()
	for key := range f.seen {
		if key.at < oldest {
			delete(f.seen, key)
		}
	}
}

// beat tells followers how far they have been told everything. While the store
// cannot be read that does not move, and they are told nothing.
func (f *feed) beat(now time.Time) {
	if now.Sub(f.polled) > scanEvery {
		return
	}
	position := earlier(f.polled, f.scanned).Add(-f.window())
	f.mu.Lock()
	defer f.mu.Unlock()
	for st := range f.followers {
		st.beat(position)
	}
	f.dropEnded()
}
