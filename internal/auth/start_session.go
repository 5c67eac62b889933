package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// sessionStart is the start of a session of an existing user, whose credential was
// proved.
type sessionStart struct {
	user    User // as it was read when the credential was checked
	methods []Method
	// retry is the hash of the idempotency key, or nil. A repeat with the same key
	// gets the same pair.
	retry  *SecretHash
	rehash string // replaces the hash of the password, unless it is empty
	// redeem, unless nil, is the one-time token that the login uses up, which was
	// mailed to the address of the account and proves it. The id of the session
	// becomes its payload.
	redeem   *Redemption
	replaces string  // see LoginInput
	value    string  // the Device of LoginInput
	known    *device // that the value identifies, or nil
}

// NewSession is a session to create. It is created if the user is enabled and has
// this epoch and password hash.
type NewSession struct {
	Session      Session
	Epoch        int64
	PasswordHash string
	// Rehash, unless empty, replaces the password hash in the same transaction.
	Rehash string
	// Redeem, unless nil, is the one-time token that the login uses up.
	Redeem *Redemption
	// RepeatSince is how old a session may be that the same idempotency key started.
	RepeatSince time.Time
}

// CreatedSession is the result of creating a session.
type CreatedSession struct {
	// Others is the number of the user's other live sessions: of several logins at
	// the same time, each counts those that came before it.
	Others int
	// Repeated is the session that an earlier request with the same idempotency key
	// created, or nil. Then nothing was written.
	Repeated *Session
}

// errAccountChanges is the cause if an account changed at each attempt.
var errAccountChanges = errors.New("the account changed at each attempt")

// startSession creates a session and returns its first pair. The caller read now
// after it had checked the credential and the clock. A repeat with the same
// idempotency key gets the pair of the first request, until that is refreshed, for
// RetryTTL. startSession returns CodeUnavailable if the user's sessions were revoked
// meanwhile, and an error that wraps ErrMovedOn if the one-time token was used or
// voided meanwhile. A one-time token takes over an account whose address was never
// verified: see VerifyEmail.
func (s *Service) startSession(ctx context.Context, in sessionStart, now time.Time, c Client) (Grant, error) {
	u := in.user
	if in.redeem != nil && u.EmailVerifiedAt == nil {
		return s.startTakingOver(ctx, in, now, c)
	}
	sess, secret := s.newSession(ctx, u.ID, in.methods, in.retry, now, c)
	if in.redeem != nil {
		in.redeem.Payload = sess.ID
	}
	e := Event{Kind: EventLogin, At: now, UserID: u.ID, SessionID: sess.ID, Client: c}
	mails, err := s.newLoginMails(ctx, u, in.known, e)
	if err != nil {
		return Grant{}, err
	}
	recorded := s.withMail(ctx, &e, mails...)
	created, err := s.store.CreateSession(ctx, NewSession{
		Session: sess, Epoch: u.AuthEpoch, PasswordHash: u.PasswordHash, Rehash: in.rehash, Redeem: in.redeem,
		RepeatSince: now.Add(-s.settings.RetryTTL),
	}, recorded)
	if errors.Is(err, ErrMovedOn) && in.redeem == nil {
		return Grant{}, Unavailable(fmt.Errorf("the user's sessions were revoked during this login: %w", err))
	}
	if err != nil {
		return Grant{}, fmt.Errorf("creating a session: %w", err)
	}
	if in.rehash != "" {
		u.PasswordHash = in.rehash
	}
	var g Grant
	if created.Repeated != nil {
		g, err = s.repeatStart(ctx, u, *created.Repeated, now, c)
	} else {
		s.changed(ctx, e, recorded)
		g, err = s.grant(ctx, u, sess, secret, now)
	}
	if err != nil {
		return Grant{}, err
	}
	g = s.afterStart(ctx, g, in.replaces, in.value, now, c)
	if created.Repeated == nil {
		s.enforceMaxSessions(ctx, u.ID, sess.ID, created.Others, now, c)
	}
	return g, nil
}

// afterStart completes the grant of a session that has started: it adds the value
// of the device, and ends the session that the new one replaces.
func (s *Service) afterStart(ctx context.Context, g Grant, replaces, device string, now time.Time, c Client) Grant {
	g.Device = s.newDeviceValue(device, s.findDevice(device, g.User.EmailKey), g.User)
	s.endReplaced(ctx, replaces, g.Session.ID, now, c)
	return g
}

// startedBefore returns the first pair of the session that a user started with an
// idempotency key. The caller has proved the credential again. It returns
// ErrNotFound if there is no such session, if it was refreshed or revoked since, or
// if it is older than RetryTTL.
func (s *Service) startedBefore(ctx context.Context, u User, retry SecretHash, now time.Time, c Client) (Grant, error) {
	sess, err := s.store.StartedSession(ctx, u.ID, retry, now.Add(-s.settings.RetryTTL), now)
	if err != nil {
		return Grant{}, fmt.Errorf("finding a session by its idempotency key: %w", err)
	}
	return s.repeatStart(ctx, u, sess, now, c)
}

// startedWithPassword is startedBefore for a session whose credential is a password.
// It also returns ErrNotFound if the password is wrong or the user may not log in.
// Attempts count under the limits of logins.
func (s *Service) startedWithPassword(ctx context.Context, u User, password string, retry SecretHash, now time.Time, c Client) (Grant, error) {
	password, err := normalizePassword("password", password)
	if err != nil {
		return Grant{}, err
	}
	if err := s.allowAttempt(ctx, u.EmailKey, now, c); err != nil {
		return Grant{}, err
	}
	ok, _, err := s.passwords.Verify(ctx, Attempt{Account: u.EmailKey, Network: AddressKey(c.Address)}, u.PasswordHash, password)
	if err != nil {
		return Grant{}, err
	}
	if !ok || !u.Active() {
		return Grant{}, ErrNotFound
	}
	return s.startedBefore(ctx, u, retry, now, c)
}

// repeatStart signs the first pair of a session again. It writes and extends
// nothing.
func (s *Service) repeatStart(ctx context.Context, u User, sess Session, now time.Time, c Client) (Grant, error) {
	for _, key := range s.rotationKeys() {
		secret := deriveFirstSecret(key, sess.ID, *sess.RetryHash)
		if sess.SecretHash.Equal(HashSecret(secret)) {
			logSession(ctx, sess.ID)
			s.events.Emit(ctx, Event{Kind: EventLoginRetry, At: now, UserID: u.ID, SessionID: sess.ID, Client: c})
			return s.grant(ctx, u, sess, secret, now)
		}
	}
	return Grant{}, BadInput("idempotencyKey", "this key was used before, and its answer is not available any more: use a new one")
}
