package auth

import "context"

// resolve answers a refresh whose token is not current.
func (r refresh) resolve(ctx context.Context, v verdict, st SessionState) (Grant, error) {
	switch v {
	case isRepeat:
		g, err := r.reissue(ctx, st)
		if err == nil {
			r.core.events.Emit(ctx, r.event(EventRefreshRetry, ""))
			r.reportForeign(ctx, st)
		}
		return g, err
	case isUnacknowledged:
		return r.deliver(ctx, st)
	case isRace:
		kind := EventRefreshRace
		if r.foreign(st.Session, AddressKey) {
			kind = EventForeignRace
		}
		r.core.failed(ctx, r.event(kind, ""), st.Session.ID)
	case isRollback:
		r.core.failed(ctx, r.event(EventRefreshRollback, ""), st.Session.ID)
	case isReuse:
		if r.core.settings.ReuseAction == ReuseReject {
			r.core.failed(ctx, r.event(EventRefreshReuse, string(ReuseReject)), st.Session.ID)
			break
		}
		// The update is conditional, so that there is one event, no matter how
		// many requests race.
		e := r.event(EventRefreshReuse, string(ReuseRevoke))
		e.Count = 1
		if _, err := r.core.revoke(ctx, RevokedByReuse, e, mailAbout(MailSessionReused, st.User, e)); err != nil {
			return Grant{}, err
		}
	}
	return Grant{}, v.err()
}

// reissue signs the pair of the last rotation again. It writes and extends
// nothing. If the key that derived the pair has left the ring, the pair cannot
// be computed, and the token is blacklisted like any parent.
func (r refresh) reissue(ctx context.Context, st SessionState) (Grant, error) {
	for _, key := range r.core.rotationKeys() {
		child := deriveSecret(key, st.Session.ID, r.claims.Secret)
		if st.Session.SecretHash.Equal(HashSecret(child)) {
			return r.core.grant(ctx, st.User, st.Session, child, r.now)
		}
	}
	return Grant{}, isBlacklisted.err()
}

// deliver returns the pair of a swap whose own answer was lost. It signs the
// pair before it claims the swap, so that a failure leaves the pair to the next
// attempt. Of several attempts at the same time, one gets the pair, as with
// several swaps.
func (r refresh) deliver(ctx context.Context, st SessionState) (Grant, error) {
	g, err := r.reissue(ctx, st)
	if err != nil {
		return Grant{}, err
	}
	if !r.core.unacknowledged.claim(*st.Session.RetryHash, st.Now) {
		return r.resolve(ctx, isRace, st)
	}
	r.core.events.Emit(ctx, r.event(EventRefresh, ""))
	r.reportForeign(ctx, st)
	return g, nil
}

// reportForeign reports that the pair of the last rotation is returned to another
// user agent or address than that of the rotation. Apart from this event in the
// journal, such a request writes nothing.
func (r refresh) reportForeign(ctx context.Context, st SessionState) {
	if r.foreign(st.Session, func(address string) string { return address }) {
		r.core.failed(ctx, r.event(EventRepeated, ""), st.Session.ID)
	}
}

// foreign reports whether the request comes from another user agent than the
// session's last rotation, or from another address, as far as network
// distinguishes addresses. Server-side rendering beside a browser looks the same,
// so this does not prove a theft.
func (r refresh) foreign(sess Session, network func(address string) string) bool {
	return r.client.UserAgent != sess.UserAgent ||
		r.client.Address != "" && sess.IPAddress != "" && network(r.client.Address) != network(sess.IPAddress)
}

func (r refresh) event(kind EventKind, detail string) Event {
	return Event{
		Kind: kind, At: r.now, UserID: r.claims.User.ID, SessionID: r.claims.SessionID, Client: r.client, Detail: detail,
	}
}
