package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// sessionStart is the start of a session, after the credential was proved. Every
// operation that starts a session goes through startSession.
type sessionStart struct {
	user    User // as it was read when the credential was checked
	methods []AuthMethod
	// retry is the hash of the idempotency key, or nil. A repeat with the same key
	// gets the same pair (see startedBefore).
	retry  *SecretHash
	rehash string // replaces the password's hash, unless it is empty
	// redeem, unless nil, is the one-time token that the login uses up. The session's
	// id becomes its payload.
	redeem   *Redemption
	replaces string  // see LoginInput
	value    string  // the Device of LoginInput
	known    *device // that the value identifies, or nil
}

// startSession creates a session, and returns its first pair. now was read after
// the credential was checked. It returns ErrMovedOn in an error under
// CodeUnavailable if the user's sessions were revoked meanwhile, and ErrMovedOn
// itself if the one-time token cannot be used any more.
func (s *Service) startSession(ctx context.Context, in sessionStart, now time.Time, c Client) (Grant, error) {
	u := in.user
	sess, secret := s.newSession(ctx, u.ID, in.methods, in.retry, now, c)
	if in.redeem != nil {
		in.redeem.Payload = sess.ID
	}
	e := Event{Kind: EventLogin, At: now, UserID: u.ID, SessionID: sess.ID, Client: c}
	started, err := s.store.CreateSession(ctx, NewSession{
		Session: sess, Epoch: u.AuthEpoch, PasswordHash: u.PasswordHash, Rehash: in.rehash, Redeem: in.redeem,
		RepeatSince: now.Add(-s.settings.RetryTTL),
	}, s.withMail(ctx, &e, s.newLoginMails(ctx, in, e)...))
	if errors.Is(err, ErrMovedOn) {
		if in.redeem != nil {
			return Grant{}, err
		}
		return Grant{}, Unavailable(fmt.Errorf("the user's sessions were revoked during this login: %w", err))
	}
	if err != nil {
		return Grant{}, fmt.Errorf("creating a session: %w", err)
	}
	if in.rehash != "" {
		u.PasswordHash = in.rehash
	}
	var g Grant
	if started.Repeated != nil {
		g, err = s.repeatStart(ctx, u, *started.Repeated, now, c)
	} else {
		s.changed(ctx, e, &e)
		g, err = s.grant(ctx, u, sess, secret, now)
	}
	if err != nil {
		return Grant{}, err
	}
	g.Device = s.newDeviceValue(in.value, in.known, u)
	s.endReplaced(ctx, in.replaces, g.Session.ID, now, c)
	if started.Repeated == nil {
		s.enforceMaxSessions(ctx, u.ID, sess.ID, started.Others, now, c)
	}
	return g, nil
}
