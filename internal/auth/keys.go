package auth

import (
	"context"
	"time"
)

// KeyPurpose is the purpose of a key of the ring.
type KeyPurpose string

// The purposes. No key has two of them.
const (
	KeyAccess   KeyPurpose = "access"   // signs access tokens
	KeyRefresh  KeyPurpose = "refresh"  // signs refresh tokens
	KeyRotation KeyPurpose = "rotation" // derives the next secret of a session
)

// KeyPurposes returns all purposes.
func KeyPurposes() []KeyPurpose { return []KeyPurpose{KeyAccess, KeyRefresh, KeyRotation} }

// SealedKey is a key of the ring as it is stored: its secret part is encrypted.
// Times are by the database's clock.
type SealedKey struct {
	KID     string // RFC 7638 thumbprint; unique among all purposes
	Purpose KeyPurpose
	// Number counts the keys of a purpose from 1, each once. It is 0 for a key
	// that never signs here.
	Number int64
	Sealed []byte
	Master string // name of the master key that Sealed is encrypted with
	// Life is the longest time that anything signed by the key is valid.
	Life      time.Duration
	CreatedAt time.Time
	SignsFrom *time.Time // nil for a key that never signs here
	EndsAt    *time.Time // when the key stops verifying; nil: not decided yet
}

// SealedKeys stores the ring. It has the error rules of Store.
type SealedKeys interface {
	// SealedKeys lists all keys, by purpose and number, and returns the time of
	// the database's clock.
	SealedKeys(ctx context.Context) ([]SealedKey, time.Time, error)
	// AddKey adds a key that signs from lead after now, or one that only verifies,
	// for its Life from now. The times of k are ignored. It returns false if the
	// number or the id is taken; nothing was added.
	AddKey(ctx context.Context, k SealedKey, lead time.Duration, e *Event) (bool, error)
	// EndKey makes a key stop verifying some time from now, unless it stops
	// earlier. It returns ErrNotFound.
	EndKey(ctx context.Context, kid string, after time.Duration, e *Event) error
	// RaiseKeyLife raises a key's Life to at least life.
	RaiseKeyLife(ctx context.Context, kid string, life time.Duration) error
	// ResealKey replaces the encrypted part of a key if it is encrypted with the
	// master key named from. Otherwise it returns false.
	ResealKey(ctx context.Context, kid, from string, sealed []byte, master string, e *Event) (bool, error)
	// DeleteKey deletes a key, if it exists.
	DeleteKey(ctx context.Context, kid string, e *Event) error
}
