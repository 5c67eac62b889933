package stream

import (
	"context"
	"time"

	"rekey/internal/auth"
)

// Publish returns a store that publishes each change after its commit. A change
// whose outcome is unknown is not published; followers find it in the store.
func Publish(store auth.Store, bus *Bus) auth.Store { return publisher{Store: store, bus: bus} }

type publisher struct {
	auth.Store
	bus *Bus
}

// Rotate implements [auth.Store].
func (p publisher) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	st, err := p.Store.Rotate(ctx, r)
	if err == nil {
		p.rotated(ctx, r, st, "rotated")
	}
	return st, err
}

func (p publisher) rotated(ctx context.Context, r auth.Rotation, st auth.SessionState, reason string) {
	client, at := auth.ClientFrom(ctx), st.Now
	if st.Session.RotatedAt != nil {
		at = *st.Session.RotatedAt
	}
	p.bus.Publish(auth.Change{
		Kind: auth.ChangeRotated, SessionID: r.SessionID, SecretHash: &r.Current, Reason: reason, At: at,
		Generation: st.Session.Generation, IssuedAt: st.Session.IssuedAt,
		Address: client.Address, UserAgent: client.UserAgent,
	})
}

// RevokeSession implements [auth.Store].
func (p publisher) RevokeSession(ctx context.Context, userID, sessionID, reason string, at time.Time, e *auth.Event) (bool, error) {
	revoked, err := p.Store.RevokeSession(ctx, userID, sessionID, reason, at, e)
	if revoked && err == nil {
		p.revoked([]string{sessionID}, reason, at)
	}
	return revoked, err
}

// EndSessions implements [auth.Store].
func (p publisher) EndSessions(ctx context.Context, change auth.EndSessions, e *auth.Event) ([]string, error) {
	ids, err := p.Store.EndSessions(ctx, change, e)
	if err == nil {
		p.revoked(ids, change.Reason, change.At)
	}
	return ids, err
}

// EndOtherSessions implements [auth.Store].
func (p publisher) EndOtherSessions(
	ctx context.Context, change auth.EndSessions, own auth.Rotation, e *auth.Event,
) (auth.SessionState, []string, error) {
	st, ids, err := p.Store.EndOtherSessions(ctx, change, own, e)
	if err == nil {
		p.rotated(ctx, own, st, change.Reason)
		p.revoked(ids, change.Reason, change.At)
	}
	return st, ids, err
}

// EraseUser implements [auth.Deletions].
func (p publisher) EraseUser(ctx context.Context, erasure auth.Erasure, e *auth.Event) ([]string, error) {
	ids, err := p.Store.EraseUser(ctx, erasure, e)
	if err == nil {
		p.revoked(ids, erasure.Reason, erasure.At)
	}
	return ids, err
}

// RevokeSurplus implements [auth.Store].
func (p publisher) RevokeSurplus(ctx context.Context, surplus auth.SurplusSessions, e *auth.Event) ([]string, error) {
	ids, err := p.Store.RevokeSurplus(ctx, surplus, e)
	if err == nil {
		p.revoked(ids, surplus.Reason, surplus.At)
	}
	return ids, err
}

// RevokeSessions implements [auth.Store].
func (p publisher) RevokeSessions(ctx context.Context, ids []string, reason string, at time.Time, e *auth.Event) ([]string, error) {
	revoked, err := p.Store.RevokeSessions(ctx, ids, reason, at, e)
	if err == nil {
		p.revoked(revoked, reason, at)
	}
	return revoked, err
}

func (p publisher) revoked(ids []string, reason string, at time.Time) {
	changes := make([]auth.Change, len(ids))
	for i, id := range ids {
		changes[i] = auth.Change{Kind: auth.ChangeRevoked, SessionID: id, Reason: reason, At: at.Truncate(time.Microsecond)}
	}
	p.bus.Publish(changes...)
}

// BlacklistAccess implements [auth.Store].
func (p publisher) BlacklistAccess(ctx context.Context, t auth.BlacklistedToken, e *auth.Event) (auth.BlacklistedToken, error) {
	stored, err := p.Store.BlacklistAccess(ctx, t, e)
	if err == nil {
		p.blacklisted(auth.ChangeAccess, stored)
	}
	return stored, err
}

// BlacklistRefresh implements [auth.Store].
func (p publisher) BlacklistRefresh(ctx context.Context, t auth.BlacklistedToken, e *auth.Event) (bool, error) {
	flagged, err := p.Store.BlacklistRefresh(ctx, t, e)
	if flagged && err == nil {
		p.blacklisted(auth.ChangeRefresh, t)
	}
	return flagged, err
}

func (p publisher) blacklisted(kind auth.ChangeKind, t auth.BlacklistedToken) {
	p.bus.Publish(auth.Change{
		Kind: kind, SessionID: t.SessionID, SecretHash: &t.SecretHash, Reason: "blacklisted",
		At: t.BlacklistedAt.Truncate(time.Microsecond), ExpiresAt: t.ExpiresAt,
	})
}
