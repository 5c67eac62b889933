package auth

import (
	"context"
	"fmt"
)

// settle answers a refresh whose token is not current.
func (r refresh) settle(ctx context.Context, v verdict, st SessionState) (Grant, error) {
	switch v {
	case isRepeat:
		return r.repeat(ctx, st)
	case isUndelivered:
		return r.handOut(ctx, st)
	case isRace:
		r.emit(ctx, EventRefreshRace, st.Session.ID)
	case isRollback:
		r.emit(ctx, EventRefreshRollback, st.Session.ID)
	case isReuse:
		if err := r.punishReuse(ctx, st); err != nil {
			return Grant{}, err
		}
	}
	return Grant{}, v.err()
}

// repeat answers the pair of the last rotation again. Nothing is written or
// extended.
func (r refresh) repeat(ctx context.Context, st SessionState) (Grant, error) {
	g, err := r.again(ctx, st)
	if err == nil {
		r.emit(ctx, EventRefreshRetry, st.Session.ID)
	}
	return g, err
}

// again signs the pair of the last rotation. Without the key that derived it
// (it left the ring) the pair cannot be told again, and the token is as
// blacklisted as any parent.
func (r refresh) again(ctx context.Context, st SessionState) (Grant, error) {
	for _, key := range r.RotationKeys() {
		child := deriveSecret(key, st.Session.ID, r.claims.Secret)
		if st.Session.SecretHash.Equal(HashSecret(child)) {
			return r.grant(ctx, st.User, st.Session, child, r.now)
		}
	}
	return Grant{}, isBlacklisted.err()
}

// punishReuse ends the session with everything issued in it. The update is
// conditional, so there is one event however many racers.
func (r refresh) punishReuse(ctx context.Context, st SessionState) error {
	if r.ReuseAction == ReuseReject {
		r.emitDetail(ctx, EventRefreshReuse, st.Session, string(ReuseReject))
		return nil
	}
	if err := r.noteSessions(ctx, r.now, st.Session.ID); err != nil {
		return err
	}
	ended, err := r.Store.RevokeSession(ctx, st.Session.UserID, st.Session.ID, RevokedByReuse, r.now)
	if err != nil {
		return fmt.Errorf("ending a session after reuse: %w", err)
	}
	if ended {
		r.emitDetail(ctx, EventRefreshReuse, st.Session, string(ReuseRevoke))
	}
	return nil
}

func (r refresh) emit(ctx context.Context, kind EventKind, sessionID string) {
	r.Events.Emit(ctx, Event{Kind: kind, UserID: r.claims.User.ID, SessionID: sessionID, Client: r.client})
}

func (r refresh) emitDetail(ctx context.Context, kind EventKind, sess Session, detail string) {
	r.Events.Emit(ctx, Event{Kind: kind, UserID: sess.UserID, SessionID: sess.ID, Client: r.client, Detail: detail, Count: 1})
}
