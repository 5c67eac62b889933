package verify

import (
	"crypto/sha256"
	"errors"
	"sync"
	"time"
)

// rule is one event of the blacklist.
type rule struct {
	secret  [sha256.Size]byte // zero: not by secret
	before  time.Time         // zero: not by time
	from    time.Time         // from when on tokens are refused
	expires time.Time
}

// covers reports whether a token of the rule's session is meant.
func (r rule) covers(secret [sha256.Size]byte, issuedAt time.Time) bool {
	if r.secret == ([sha256.Size]byte{}) && r.before.IsZero() {
		return true // all of the session
	}
	return r.secret == secret || issuedAt.Before(r.before)
}

// blacklist is what is known of tokens that verify and are not good.
type blacklist struct {
	limit int

	mu     sync.RWMutex
	rules  map[string][]rule  // by session
	ending map[int64][]string // sessions with rules that end in a minute, by minute
	count  int
	heard  time.Time // when it was last known to be complete; zero: never
}

func newBlacklist(limit int) *blacklist {
	return &blacklist{limit: limit, rules: map[string][]rule{}, ending: map[int64][]string{}}
}

var errFull = errors.New("the blacklist is longer than MaxEvents")

// add keeps a rule, once. It fails when there is no room.
func (b *blacklist) add(session string, r rule) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, known := range b.rules[session] {
		if known.secret == r.secret && known.before.Equal(r.before) && !r.from.Before(known.from) && !r.expires.After(known.expires) {
			return nil // events may come twice
		}
	}
	if b.count >= b.limit {
		b.heard = time.Time{}
		return errFull
	}
	b.count++
	b.rules[session] = append(b.rules[session], r)
	minute := minuteOf(r.expires)
	b.ending[minute] = append(b.ending[minute], session)
	return nil
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// complete notes that everything is known that happened until now, and forgets
// what has ended.
func (b *blacklist) complete(now time.Time, leeway time.Duration) {
	b.forget(now.Add(-leeway))
	b.mu.Lock()
	defer b.mu.Unlock()
	b.heard = now
}

// forget drops rules whose tokens have ended by themselves.
func (b *blacklist) forget(before time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for minute, sessions := range b.ending {
		if minute >= minuteOf(before) {
			continue
		}
		delete(b.ending, minute)
		for _, session := range sessions {
			b.prune(session, before)
		}
	}
}

// prune drops a session's rules that have ended. The caller holds the lock.
func (b *blacklist) prune(session string, before time.Time) {
	kept := b.rules[session][:0]
	for _, r := range b.rules[session] {
		if !r.expires.Before(before) {
			kept = append(kept, r)
		}
	}
	b.count -= len(b.rules[session]) - len(kept)
	if b.rules[session] = kept; len(kept) == 0 {
		delete(b.rules, session)
	}
}

// look reports whether a token is refused, and until when all was known.
func (b *blacklist) look(session string, secret [sha256.Size]byte, issuedAt, now time.Time) (heard time.Time, refused bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, r := range b.rules[session] {
		if !now.Before(r.from) && r.covers(secret, issuedAt) {
			return b.heard, true
		}
	}
	return b.heard, false
}

func (b *blacklist) status() (heard time.Time, events int) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.heard, b.count
}
