package auth

import (
	"context"
)

// resolve answers a refresh whose token is not current.
func (r refresh) resolve(ctx context.Context, v verdict, st SessionState) (Grant, error) {
	switch v {
	case isRepeat:
		return r.repeat(ctx, st)
	case isUnacknowledged:
		return r.deliver(ctx, st)
	case isRace:
		r.core.failed(ctx, r.event(EventRefreshRace, ""), st.Session.ID)
	case isRollback:
		r.core.failed(ctx, r.event(EventRefreshRollback, ""), st.Session.ID)
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
	g, err := r.reissue(ctx, st)
	if err == nil {
		r.core.events.Emit(ctx, r.event(EventRefreshRetry, ""))
	}
	return g, err
}

// reissue signs the pair of the last rotation. Without the key that derived it
// (it left the ring) the pair cannot be told again, and the token is as
// blacklisted as any parent.
func (r refresh) reissue(ctx context.Context, st SessionState) (Grant, error) {
	for _, key := range r.core.rotationKeys() {
		child := deriveSecret(key, st.Session.ID, r.claims.Secret)
		if st.Session.SecretHash.Equal(HashSecret(child)) {
			return r.core.grant(ctx, st.User, st.Session, child, r.now)
		}
	}
	return Grant{}, isBlacklisted.err()
}

// punishReuse ends the session with everything issued in it. The update is
// conditional, so there is one event however many racers.
func (r refresh) punishReuse(ctx context.Context, st SessionState) error {
	if r.core.settings.ReuseAction == ReuseReject {
		r.core.failed(ctx, r.event(EventRefreshReuse, string(ReuseReject)), st.Session.ID)
		return nil
	}
	e := r.event(EventRefreshReuse, string(ReuseRevoke))
	e.Count = 1
	_, err := r.core.revoke(ctx, RevokedByReuse, e)
	return err
}

func (r refresh) event(kind EventKind, detail string) Event {
	return Event{
		Kind: kind, At: r.now, UserID: r.claims.User.ID, SessionID: r.claims.SessionID, Client: r.client, Detail: detail,
	}
}
