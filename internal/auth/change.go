package auth

import (
	"context"
	"time"
)

// ChangeKind says what a Change is about.
type ChangeKind string

// The kinds that a store keeps: the ways into the blacklist.
const (
	ChangeRevoked ChangeKind = "revoked" // a session was revoked
	ChangeRotated ChangeKind = "rotated" // a pair was replaced
	ChangeAccess  ChangeKind = "access"  // one access token was blacklisted
	ChangeRefresh ChangeKind = "refresh" // one refresh token was blacklisted
)

// ChangeKinds returns the kinds that a store keeps.
func ChangeKinds() []ChangeKind {
	return []ChangeKind{ChangeRevoked, ChangeAccess, ChangeRefresh, ChangeRotated}
}

// Change is one committed change that blacklists tokens. It is published when
// it was committed, can be read from the store afterwards, and reaches
// subscribers as it is. It contains no secret. The JSON form is the one that
// replicas exchange: members may be added, and unknown ones are ignored.
type Change struct {
	Kind      ChangeKind `json:"kind"`
	SessionID string     `json:"session"`
	// SecretHash limits the change to the tokens with this secret, after a
	// rotation those of the parent. It is nil if all tokens of the session are
	// concerned.
	SecretHash *SecretHash `json:"hash,omitempty"`
	// Reason is why a session was revoked, else "rotated", "password_change" for a
	// rotation that came with one, or "blacklisted".
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at"`
	// EffectiveAt is when access tokens begin to be refused. Subscribers get it;
	// stores and publishers leave it zero.
	EffectiveAt time.Time `json:"-"`
	// ExpiresAt is when the last token concerned expires. Stores and publishers
	// leave it zero where it follows from At and ACCESS_TTL.
	ExpiresAt time.Time `json:"expires,omitzero"`
	// IssuedAt is when the new pair of a rotation was issued. All tokens of the
	// session that were issued earlier are blacklisted, too.
	IssuedAt time.Time `json:"issued,omitzero"`

	// Generation, Address and UserAgent describe the rotation. They are known
	// where it was published, and missing where it was read from the store.
	Generation int64  `json:"generation,omitempty"`
	Address    string `json:"address,omitempty"`
	UserAgent  string `json:"agent,omitempty"`
}

// Overlaps reports whether the access tokens concerned stay valid for
// ACCESS_OVERLAP after the change.
func (c Change) Overlaps() bool {
	return c.Kind == ChangeRotated && c.Reason != RevokedByPasswordChange
}

// Err returns the error that the tokens concerned are refused with.
func (c Change) Err() error {
	switch {
	case c.Kind == ChangeRevoked && c.Reason == RevokedByDisabling:
		return isUserDisabled.err()
	case c.Kind == ChangeRevoked:
		return isRevoked.err()
	}
	return isBlacklisted.err()
}

// ChangeCursor is a place in the order of changes of one kind.
type ChangeCursor struct {
	At        time.Time
	SessionID string
	Secret    SecretHash
}

// ChangeStore reads the changes that a store keeps.
type ChangeStore interface {
	// Changes lists changes of one kind that come after a place, in the order
	// of At, SessionID and SecretHash, at most limit. next is where the next
	// page begins; it is nil at the end.
	//
	// ChangeRotated has no index in the order of time. Changes then reads limit
	// sessions in the order of SessionID, and lists those that were rotated
	// after the place's At, maybe none. All pages together read every session.
	Changes(ctx context.Context, kind ChangeKind, after ChangeCursor, limit int) (page []Change, next *ChangeCursor, err error)
}
