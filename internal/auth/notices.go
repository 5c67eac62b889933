package auth

import (
	"context"
	"time"
)

// NoticeKind says what a Notice is about.
type NoticeKind string

// The kinds. The last two come from a Bus itself.
const (
	NoticeRotated     NoticeKind = "rotated"
	NoticeRevoked     NoticeKind = "revoked"
	NoticeBlacklisted NoticeKind = "blacklisted"
	// NoticeLost: from here on notices may be missing, until NoticeBack.
	NoticeLost NoticeKind = "lost"
	// NoticeBack: notices come again; some may be missing in between.
	NoticeBack NoticeKind = "back"
)

// Notice is one change of a session, told after it was committed. It holds no
// secret.
type Notice struct {
	Kind      NoticeKind
	SessionID string
	// SecretHash is that of the tokens concerned: the parent's after a
	// rotation; nil for a whole session.
	SecretHash *SecretHash
	Use        TokenUse // empty: both
	Reason     string   // of a revocation
	At         time.Time
	// ExpiresAt is when a token that was blacklisted singly ends by itself.
	ExpiresAt time.Time
	// Generation and IssuedAt are the session's after a rotation.
	Generation int64
	IssuedAt   time.Time
	// Address and UserAgent are of whom a rotation answered.
	Address   string
	UserAgent string
}

// Bus carries notices to all replicas. It may lose some, and says so as far as
// it knows: whoever needs every change looks into the store as well.
type Bus interface {
	// Publish tells every follower on every replica. It neither waits nor fails.
	Publish(notices ...Notice)
	// Follow calls tell for each notice, one at a time and those of one
	// publisher in their order, until ctx ends. The first one is NoticeBack or
	// NoticeLost.
	Follow(ctx context.Context, tell func(Notice))
}

// Announce returns a store that publishes what it changed. Changes whose
// outcome is not known are not published.
func Announce(store Store, bus Bus) Store { return announcer{Store: store, bus: bus} }

type announcer struct {
	Store
	bus Bus
}

// Rotate is Store's.
func (a announcer) Rotate(ctx context.Context, r Rotation) (SessionState, error) {
	st, err := a.Store.Rotate(ctx, r)
	if err == nil {
		client := ClientFrom(ctx)
		n := Notice{
			Kind: NoticeRotated, SessionID: r.SessionID, SecretHash: &r.Current, At: st.Now,
			Generation: st.Session.Generation, IssuedAt: st.Session.IssuedAt,
			Address: client.Address, UserAgent: client.UserAgent,
		}
		if st.Session.RotatedAt != nil {
			n.At = *st.Session.RotatedAt
		}
		a.bus.Publish(n)
	}
	return st, err
}

// RevokeSession is Store's.
func (a announcer) RevokeSession(ctx context.Context, userID, sessionID, reason string, at time.Time, kept ...Event) (bool, error) {
	ended, err := a.Store.RevokeSession(ctx, userID, sessionID, reason, at, kept...)
	if ended && err == nil {
		a.bus.Publish(revokedNotice(sessionID, reason, at))
	}
	return ended, err
}

// EndSessions is Store's.
func (a announcer) EndSessions(ctx context.Context, change EndSessions, kept ...Event) ([]string, error) {
	ids, err := a.Store.EndSessions(ctx, change, kept...)
	if err == nil {
		a.revoked(ids, change.Reason, change.At)
	}
	return ids, err
}

// RevokeSessions is Store's.
func (a announcer) RevokeSessions(ctx context.Context, ids []string, reason string, at time.Time, kept ...Event) ([]string, error) {
	ended, err := a.Store.RevokeSessions(ctx, ids, reason, at, kept...)
	if err == nil {
		a.revoked(ended, reason, at)
	}
	return ended, err
}

func (a announcer) revoked(ids []string, reason string, at time.Time) {
	notices := make([]Notice, len(ids))
	for i, id := range ids {
		notices[i] = revokedNotice(id, reason, at)
	}
	a.bus.Publish(notices...)
}

func revokedNotice(sessionID, reason string, at time.Time) Notice {
	return Notice{Kind: NoticeRevoked, SessionID: sessionID, Reason: reason, At: at.Truncate(time.Microsecond)}
}

// BlacklistAccess is Store's.
func (a announcer) BlacklistAccess(ctx context.Context, t BlacklistedToken, kept ...Event) (BlacklistedToken, error) {
	noted, err := a.Store.BlacklistAccess(ctx, t, kept...)
	if err == nil {
		a.bus.Publish(blacklistedNotice(noted))
	}
	return noted, err
}

// BlacklistRefresh is Store's.
func (a announcer) BlacklistRefresh(ctx context.Context, t BlacklistedToken, kept ...Event) (bool, error) {
	flagged, err := a.Store.BlacklistRefresh(ctx, t, kept...)
	if flagged && err == nil {
		a.bus.Publish(blacklistedNotice(t))
	}
	return flagged, err
}

func blacklistedNotice(t BlacklistedToken) Notice {
	return Notice{
		Kind: NoticeBlacklisted, SessionID: t.SessionID, SecretHash: &t.SecretHash, Use: t.Use,
		At: t.BlacklistedAt.Truncate(time.Microsecond), ExpiresAt: t.ExpiresAt,
	}
}
