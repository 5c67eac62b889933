package auth

import (
	"crypto/sha256"
	"encoding/binary"
	"sync"
)

// maxConfirmed limits the access tokens that are remembered: about 4 MB. Beyond
// it, those unused for longest are forgotten, and the store is asked about them
// again.
const maxConfirmed = 1 << 17

// confirmedTokens remembers the access tokens of which the store has confirmed
// that the session, its secret and the user belong together. The blacklist's
// cache cannot know this: it has entries only for sessions that exist, so a token
// that was forged with a leaked key for an invented session would look valid.
//
// It has positive verdicts only, and none of them decides alone: the blacklist's
// cache must also know that the token is valid. That cache is invalidated before
// a change commits. Its entries expire with the tokens that they concern, so iat
// and exp belong to the key here: a new token with an old secret is unknown.
//
// The zero value is ready for use.
type confirmedTokens struct {
	mu sync.Mutex
	// When recent is full, it becomes old, and the previous old is dropped.
	recent, old map[tokenKey]struct{}
}

// tokenKey is the first half of a hash of what identifies an access token. It is
// long enough: nobody finds a token with the key of a confirmed one, which takes
// more than 2^100 hashes.
type tokenKey [sha256.Size / 2]byte

// keyOfToken requires a canonical session id.
func keyOfToken(c Claims) tokenKey {
	buffer := make([]byte, 0, 256)
	buffer = append(buffer, c.SessionID...) // always of the same length
	buffer = binary.BigEndian.AppendUint64(buffer, uint64(c.IssuedAt.Unix()))
	buffer = binary.BigEndian.AppendUint64(buffer, uint64(c.ExpiresAt.Unix()))
	buffer = binary.BigEndian.AppendUint64(buffer, uint64(len(c.User.ID)))
	sum := sha256.Sum256(append(append(buffer, c.User.ID...), c.Secret...))
	return tokenKey(sum[:len(tokenKey{})])
}

// add records that the store has confirmed a token.
func (t *confirmedTokens) add(c Claims) {
	key := keyOfToken(c)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.set(key)
}

// set requires the lock.
func (t *confirmedTokens) set(key tokenKey) {
	if t.recent == nil || len(t.recent) >= maxConfirmed/2 {
		t.recent, t.old = map[tokenKey]struct{}{}, t.recent
	}
	t.recent[key] = struct{}{}
}

// has reports whether the store has confirmed a token.
func (t *confirmedTokens) has(c Claims) bool {
	key := keyOfToken(c)
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, known := t.recent[key]; known {
		return true
	}
	_, known := t.old[key]
	if known {
		t.set(key)
	}
	return known
}
