package verify

import (
	"crypto/sha256"
	"errors"
	"slices"
	"sync"
	"time"
)

// rule is one event of the blacklist. It applies to tokens of one session.
type rule struct {
	secret  [sha256.Size]byte // zero: the rule has no secret
	before  time.Time         // zero: the rule has no time
	from    time.Time         // when the rule takes effect
	expires time.Time
}

// covers reports whether the rule refuses a token. A rule with neither a secret
// nor a time refuses all tokens of the session.
func (r rule) covers(secret [sha256.Size]byte, issuedAt time.Time) bool {
	if r.secret == ([sha256.Size]byte{}) && r.before.IsZero() {
		return true
	}
	return r.secret == secret || issuedAt.Before(r.before)
}

// includes reports whether every token that other refuses is refused by r, too,
// and for at least as long.
func (r rule) includes(other rule) bool {
	return r.secret == other.secret && r.before.Equal(other.before) && !other.from.Before(r.from) && !other.expires.After(r.expires)
}

// blacklist holds the rules for tokens that verify but must be refused.
type blacklist struct {
	limit int

	mu       sync.RWMutex
	rules    map[string][]rule  // by session
	expiring map[int64][]string // sessions with a rule that expires in a minute, by minute
	count    int
	complete time.Time // when the blacklist was last known to be complete; zero: never
}

func newBlacklist(limit int) *blacklist {
	return &blacklist{limit: limit, rules: map[string][]rule{}, expiring: map[int64][]string{}}
}

var errFull = errors.New("the blacklist is longer than MaxEvents; raise it")

// add stores a rule, unless an equal one is stored: an event may arrive twice.
// If the blacklist is full, add fails, and the blacklist counts as stale.
func (b *blacklist) add(session string, r rule) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if slices.ContainsFunc(b.rules[session], func(known rule) bool { return known.includes(r) }) {
		return nil
	}
	if b.count >= b.limit {
		b.complete = time.Time{}
		return errFull
	}
	b.count++
	b.rules[session] = append(b.rules[session], r)
	minute := minuteOf(r.expires)
	b.expiring[minute] = append(b.expiring[minute], session)
	return nil
}

func minuteOf(t time.Time) int64 { return t.Unix() / 60 }

// setComplete records that the blacklist is complete up to now, and deletes the
// rules whose tokens have expired by any clock within the leeway.
func (b *blacklist) setComplete(now time.Time, leeway time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.complete = now
	before := now.Add(-leeway)
	for minute, sessions := range b.expiring {
		if minute >= minuteOf(before) {
			continue
		}
		delete(b.expiring, minute)
		for _, session := range sessions {
			stored := len(b.rules[session])
			b.rules[session] = slices.DeleteFunc(b.rules[session], func(r rule) bool { return r.expires.Before(before) })
			b.count -= stored - len(b.rules[session])
			if len(b.rules[session]) == 0 {
				delete(b.rules, session)
			}
		}
	}
}

// find reports whether a token is refused, and up to when the blacklist is
// complete.
func (b *blacklist) find(session string, secret [sha256.Size]byte, issuedAt, now time.Time) (complete time.Time, refused bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	for _, r := range b.rules[session] {
		if !now.Before(r.from) && r.covers(secret, issuedAt) {
			return b.complete, true
		}
	}
	return b.complete, false
}

func (b *blacklist) status() (complete time.Time, events int) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	return b.complete, b.count
}
