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

// commitWithin is how much later than its time a change may be seen.
const commitWithin = 10 * time.Second

// feed is the blacklist's followers on this replica. It tells them what the bus
// brings at once, and looks into the store for what the bus may have lost:
// every second by index for ended sessions and single tokens, and less often,
// by reading every session, for rotations.
type feed struct {
	StreamOptions
	rounds // what the looks go by; used by round alone

	mu        sync.Mutex // of what follows, and of what followers say it guards
	followers map[*FeedStream]bool
	log       feedLog
	seen      memory // what followers were told
	busLost   bool
	gaps      int // how often the bus lost something
}

func newFeed(o StreamOptions) *feed {
	return &feed{
		StreamOptions: o, followers: map[*FeedStream]bool{}, busLost: true,
		log: feedLog{limit: feedBacklog}, seen: memory{limit: feedMemory, at: map[entryID]int64{}},
	}
}

// window is how far a look goes back behind the one before: changes become
// visible later than their time says, and clocks are apart.
func (f *feed) window() time.Duration { return commitWithin + f.apart() }

// apart is how far the clocks of two replicas may be apart, each off the
// database's as far as it may be.
func (f *feed) apart() time.Duration { return 2 * MaxClockDistance(f.Core.settings.ClockLeeway) }

// complete fills in what follows from the settings.
func (f *feed) complete(e FeedEvent) FeedEvent {
	e.EffectiveAt = e.At
	if e.Kind == FeedRotated {
		e.EffectiveAt = e.At.Add(f.Core.settings.AccessOverlap + time.Microsecond) // the overlap includes its last moment
	}
	if e.ExpiresAt.IsZero() {
		e.ExpiresAt = e.At.Add(f.Core.settings.AccessTTL + f.apart())
	}
	return e
}

// concerns reports whether a token that an entry is about may live by anybody's
// clock.
func (f *feed) concerns(e FeedEvent, now time.Time) bool {
	return e.ExpiresAt.Add(f.apart()).After(now)
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
		f.busLost = n.Kind == NoticeLost
		f.gaps++
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
	now, before := f.Core.now(), f.log.end()
	for _, e := range events {
		if f.concerns(e, now) && f.seen.news(e) {
			f.log.add(e)
		}
	}
	if f.log.end() > before {
		f.spread()
	}
}

// spread lets followers know that there is more to be told, and forgets what
// all of them have been told. The caller holds the lock.
func (f *feed) spread() {
	f.dropEnded()
	oldest := f.log.end()
	for st := range f.followers {
		if st.place >= f.log.first { // else it has to join anew
			oldest = min(oldest, st.place)
		}
		select {
		case st.more <- struct{}{}:
		default: // it knows
		}
	}
	f.log.forget(oldest)
}

// dropEnded forgets followers that have ended. The caller holds the lock.
func (f *feed) dropEnded() {
	for st := range f.followers {
		if st.over() {
			delete(f.followers, st)
		}
	}
}

// dismiss ends all followers.
func (f *feed) dismiss(err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for st := range f.followers {
		st.end(err)
	}
}
