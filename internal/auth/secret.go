package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
)

const secretBytes = 32

// newSecret returns 32 random bytes as 64 lower-case hex characters.
// crypto/rand.Read never returns an error: it ends the process instead.
func newSecret() string {
	b := make([]byte, secretBytes)
	_, _ = rand.Read(b)
	return hex.EncodeToString(b)
}

// deriveSecret returns the one child of a presented secret. The result is the
// same on every replica and at every time, so that a token cannot have two
// successors. The presented secret is itself the child of its parent, so that it
// represents all generations before it.
func deriveSecret(key []byte, sessionID, presented string) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(sessionID)) // always 36 bytes, so the sum is unambiguous
	mac.Write([]byte(presented))
	return hex.EncodeToString(mac.Sum(nil))
}

// deriveAtPasswordChange returns the secret that replaces the current one when the
// holder of an access token changes the password. It is another one than the
// child that a refresh derives, because that may be the current secret already.
// The same token and key result in the same secret, so that the answer can be
// repeated.
func deriveAtPasswordChange(key []byte, sessionID, presented string, retry SecretHash) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(sessionID)) // always 36 bytes
	mac.Write([]byte(presented)) // always 64 characters
	mac.Write([]byte("password_change"))
	mac.Write(retry[:])
	return hex.EncodeToString(mac.Sum(nil))
}

// deriveFirstSecret returns the first secret of a session that an idempotency key
// started, so that a repeat with the same key gets the same pair.
func deriveFirstSecret(key []byte, sessionID string, retry SecretHash) string {
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(sessionID)) // always 36 bytes
	mac.Write([]byte("first"))
	mac.Write(retry[:])
	return hex.EncodeToString(mac.Sum(nil))
}

// derivedKeys returns one key for each rotation key, in the order of the ring, for a
// use that the label names. All replicas share the rotation keys.
func (s *Service) derivedKeys(label string) [][]byte {
	rotation := s.rotationKeys()
	keys := make([][]byte, len(rotation))
	for i, key := range rotation {
		keys[i] = macOf(key, label)
	}
	return keys
}

// macOf returns the HMAC-SHA256 of the parts, one after the other. The caller makes
// the sum unambiguous.
func macOf(key []byte, parts ...string) []byte {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write([]byte(part))
	}
	return mac.Sum(nil)
}

// Equal compares in constant time.
func (h SecretHash) Equal(other SecretHash) bool {
	return subtle.ConstantTimeCompare(h[:], other[:]) == 1
}

// NoRepeat is the RetryHash of a session whose parent token was blacklisted
// singly: no retry gets the pair again. No key has this hash.
func NoRepeat() SecretHash { return SecretHash{} }

func (h *SecretHash) matches(other SecretHash) bool { return h != nil && h.Equal(other) }

const (
	minIdempotencyKey = 16
	maxIdempotencyKey = 128
)

// hashIdempotencyKey returns nil if there is no key, and an error for an invalid
// one. Only the hash is stored, and the key is never logged.
func hashIdempotencyKey(key string) (*SecretHash, error) {
	if key == "" {
		return nil, nil
	}
	if len(key) < minIdempotencyKey || len(key) > maxIdempotencyKey {
		return nil, badIdempotencyKey()
	}
	for i := range len(key) {
		if key[i] < '!' || key[i] > '~' {
			return nil, badIdempotencyKey()
		}
	}
	h := HashSecret(key)
	return &h, nil
}

func badIdempotencyKey() error {
	return BadInput("idempotencyKey", fmt.Sprintf("idempotency key must be %d to %d visible ASCII characters", minIdempotencyKey, maxIdempotencyKey))
}
