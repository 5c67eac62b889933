package auth

import (
	"context"
	"time"
)

// KeyPurpose is what a key of the ring is for.
type KeyPurpose string

// The purposes. The key of one must not be a key of another.
const (
	KeyAccess   KeyPurpose = "access"   // signs access tokens
	KeyRefresh  KeyPurpose = "refresh"  // signs refresh tokens
	KeyRotation KeyPurpose = "rotation" // derives the next secret of a session
)

// KeyPurposes returns all there are.
func KeyPurposes() []KeyPurpose { return []KeyPurpose{KeyAccess, KeyRefresh, KeyRotation} }

// SealedKey is a key of the ring as it is stored: what is secret of it is
// encrypted. Times are by the database's clock.
type SealedKey struct {
	KID     string // RFC 7638 thumbprint; unique over all purposes
	Purpose KeyPurpose
	// Number counts the keys of a purpose from 1; 0 is a key that never signs
	// here. No two keys of a purpose have one number.
	Number int64
	Sealed []byte
	Master string // names the key that it is sealed with
	// Life is the longest that what it signs is good for.
	Life      time.Duration
	CreatedAt time.Time
	SignsFrom *time.Time // nil for a key that never signs here
	EndsAt    *time.Time // from here on it is worth nothing; nil: not decided yet
}

// SealedKeys keeps the ring. Its methods are as those of Store.
type SealedKeys interface {
	// SealedKeys lists all keys, by purpose and number, and tells the
	// database's clock.
	SealedKeys(ctx context.Context) ([]SealedKey, time.Time, error)
	// AddKey adds a key that signs from lead after now, or one that only
	// verifies until its Life from now; k has no times. False when its number
	// is taken or its id is known: nothing was added.
	AddKey(ctx context.Context, k SealedKey, lead time.Duration, kept ...Event) (bool, error)
	// EndKey ends a key some time from now, unless it ends earlier anyway.
	// ErrNotFound.
	EndKey(ctx context.Context, kid string, after time.Duration, kept ...Event) error
	// RaiseKeyLife makes a key's Life at least life.
	RaiseKeyLife(ctx context.Context, kid string, life time.Duration) error
	// ResealKey replaces what is sealed while it is sealed with the master key
	// named from; false when it is not.
	ResealKey(ctx context.Context, kid, from string, sealed []byte, master string, kept ...Event) (bool, error)
	// DeleteKey deletes a key, if there is one.
	DeleteKey(ctx context.Context, kid string, kept ...Event) error
}
