//go:build faults

package fault

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"time"

	"rekey/internal/auth"
)

// fork is the number of a second child of a token. A good build derives one
// child from a parent. A build that forks a session needs another secret: the
// store gets its hash, and Mint the secret itself. Both compute it from the hash
// of the good child and the fork's number. The number is passed in the
// nanoseconds of IssuedAt, which are zero otherwise.
type fork time.Duration

// newFork returns a random fork other than 0.
func newFork() fork {
	var b [4]byte
	_, _ = rand.Read(b[:]) // it does not return an error
	return fork(binary.BigEndian.Uint32(b[:])%uint32(time.Second-1) + 1)
}

// secret returns the secret that replaces the one with this hash.
func (f fork) secret(child auth.SecretHash) string {
	sum := sha256.Sum256(binary.BigEndian.AppendUint64(child[:], uint64(f)))
	return hex.EncodeToString(sum[:])
}

func (f fork) hash(child auth.SecretHash) auth.SecretHash { return auth.HashSecret(f.secret(child)) }

// forkTokens mints the tokens of forks.
type forkTokens struct{ auth.Tokens }

// Mint implements [auth.Tokens].
func (t forkTokens) Mint(use auth.TokenUse, c auth.Claims) (string, error) {
	if f := fork(c.IssuedAt.Nanosecond()); f != 0 {
		c.Secret = f.secret(auth.HashSecret(c.Secret))
		c.IssuedAt = c.IssuedAt.Truncate(time.Second)
	}
	return t.Tokens.Mint(use, c)
}

// rotated returns the state after a rotation that the store did not execute.
func rotated(st auth.SessionState, r auth.Rotation, f fork) auth.SessionState {
	s := &st.Session
	s.Generation++
	s.PreviousHash, s.SecretHash = &r.Current, r.Next
	s.RotatedAt = &st.Now
	s.RetryHash = r.RetryHash
	s.IssuedAt = r.IssuedAt.Add(time.Duration(f))
	s.AccessExpiresAt = earlier(r.AccessExpiresAt, s.ExpiresAt)
	s.RefreshExpiresAt = earlier(r.RefreshExpiresAt, s.ExpiresAt)
	s.LastSeenAt = r.Now
	if f != 0 {
		s.SecretHash = f.hash(r.Next)
	}
	return st
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
