package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// SignUp makes a user and logs it in. CodeConflict when the e-mail address has
// an account.
func (s *Service) SignUp(ctx context.Context, in SignUpInput, c Client) (_ Grant, err error) {
	ctx, end := observe(ctx, s.observer, StepSignUp, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return Grant{}, err
	}
	if err := s.allow(ctx, signUpLimit(), AddressKey(c.Address)); err != nil {
		return Grant{}, err
	}
	u, err := s.newUser(ctx, in, now)
	if err != nil {
		return Grant{}, err
	}
	now = s.now() // hashing may have waited
	if err := s.CheckClock(ctx); err != nil {
		return Grant{}, Unavailable(err)
	}
	sess, secret := s.newSession(ctx, u.ID, now, c)
	e := Event{Kind: EventSignUp, At: now, UserID: u.ID, SessionID: sess.ID, Client: c}
	err = s.store.CreateUser(ctx, u, sess, e)
	if errors.Is(err, ErrEmailTaken) {
		return Grant{}, emailConflict()
	}
	if err != nil {
		return Grant{}, fmt.Errorf("creating a user: %w", err)
	}
	s.events.Emit(ctx, e)
	s.endReplaced(ctx, in.Replaces, sess.ID, now, c)
	return s.grant(ctx, u, sess, secret, now)
}

func emailConflict() error {
	return &Error{Code: CodeConflict, Message: "e-mail address has an account already", Field: "email"}
}

func (s *Service) newUser(ctx context.Context, in SignUpInput, now time.Time) (User, error) {
	name, nameErr := personName(in.Name)
	email, key, emailErr := emailAddress(in.Email)
	password, passwordErr := newPassword("password", in.Password, User{Name: name, EmailKey: key})
	if err := errors.Join(nameErr, emailErr, passwordErr); err != nil {
		return User{}, err
	}
	hash, err := s.passwords.Hash(ctx, password)
	if err != nil {
		return User{}, err
	}
	at := now.Truncate(time.Microsecond)
	return User{
		ID: NewID(now).String(), Name: name, Email: email, EmailKey: key,
		CreatedAt: at, UpdatedAt: at, PasswordHash: hash,
	}, nil
}

// Login starts a session. Whether the address has an account shows neither in
// the answer nor in its time: an unknown one costs the same hash.
// ReasonInvalidCredentials; ReasonUserDisabled only with the right password.
func (s *Service) Login(ctx context.Context, in LoginInput, c Client) (_ Grant, err error) {
	ctx, end := observe(ctx, s.observer, StepLogin, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return Grant{}, err
	}
	_, key, emailErr := emailAddress(in.Email)
	password, passwordErr := normalizePassword("password", in.Password)
	if emailErr != nil || passwordErr != nil {
		// Such an account cannot exist, which is no secret: no hash is due.
		return Grant{}, s.countFailure(ctx, c, invalidCredentials())
	}
	// Who would be turned away later is not looked up, and is no guess either.
	if err := s.passwords.checkRoom(); err != nil {
		return Grant{}, err
	}
	if err := s.allowAttempt(ctx, key, c); err != nil {
		s.attemptLimited(ctx, key, now, c)
		return Grant{}, err
	}
	u, rehash, clock, err := s.checkCredentials(ctx, key, password)
	if e := AsError(err); e != nil && e.Code == CodeUnauthenticated {
		s.failed(ctx, Event{Kind: EventLoginFailed, At: now, UserID: u.ID, Client: c, Detail: Outcome(err)}, key)
	}
	if err != nil {
		return Grant{}, err
	}
	now = s.now() // hashing may have waited
	if err := s.judgeClock(clock); err != nil {
		return Grant{}, Unavailable(err)
	}
	sess, secret := s.newSession(ctx, u.ID, now, c)
	e := Event{Kind: EventLogin, At: now, UserID: u.ID, SessionID: sess.ID, Client: c}
	others, err := s.store.CreateSession(ctx, sess, u.AuthEpoch, u.PasswordHash, rehash, e)
	if errors.Is(err, ErrMovedOn) {
		return Grant{}, Unavailable(fmt.Errorf("the user's sessions were revoked during this login: %w", err))
	}
	if err != nil {
		return Grant{}, fmt.Errorf("creating a session: %w", err)
	}
	s.events.Emit(ctx, e)
	g, err := s.grant(ctx, u, sess, secret, now)
	if err == nil {
		s.endReplaced(ctx, in.Replaces, sess.ID, now, c)
		s.enforceMaxSessions(ctx, u.ID, sess.ID, others, now, c)
	}
	return g, err
}

// checkCredentials also returns the user if the password is wrong, and the
// database's clock, which it reads together with the user.
func (s *Service) checkCredentials(ctx context.Context, key, password string) (u User, rehash string, clock clockReading, err error) {
	clock.before = s.now()
	u, clock.db, err = s.store.UserByEmailKey(ctx, key)
	clock.after = s.now()
	if errors.Is(err, ErrNotFound) {
		if _, err := s.passwords.Hash(ctx, password); err != nil {
			return User{}, "", clock, err
		}
		return User{}, "", clock, invalidCredentials()
	}
	if err != nil {
		return User{}, "", clock, fmt.Errorf("looking a user up: %w", err)
	}
	ok, rehash, err := s.passwords.Verify(ctx, u.PasswordHash, password)
	switch {
	case err != nil:
		return User{}, "", clock, err
	case !ok:
		return u, "", clock, invalidCredentials()
	case u.Disabled():
		return u, "", clock, isUserDisabled.err()
	}
	return u, rehash, clock, nil
}

func invalidCredentials() error {
	return Unauthenticated(ReasonInvalidCredentials, "e-mail address or password is wrong")
}
