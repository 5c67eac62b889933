package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// VerifyEmailInput is the token of a mailed link, or a mailed code.
type VerifyEmailInput struct {
	Token string
	Code  *string // instead of the token, unless nil
	// AccessToken is that of the request, or empty. A code is for its account.
	AccessToken string
}

// VerifiedEmail is an address that its owner proved.
type VerifiedEmail struct {
	Email      string
	VerifiedAt time.Time
	// PasswordRemoved reports that the link took the account over, so that it has no
	// password until one is set by a reset.
	PasswordRemoved bool
}

// passwordRemoved is the payload of a used token that removed the password of its
// account, so that a repeat gets the same answer.
const passwordRemoved = "password_removed"

// VerifyEmail proves the address of an account by a mailed link, or by the code in
// the same mail. A repeat gets the same answer while the link or the code is valid.
//
// The person who opens a link is not necessarily the one who signed up with the
// address. So a link that is used without an access token of the account takes the
// account over, if its address was never verified: it removes the password, revokes
// all sessions and voids the other links and codes, in the same transaction.
func (s *Service) VerifyEmail(ctx context.Context, in VerifyEmailInput, c Client) (_ VerifiedEmail, err error) {
	ctx, now, end, err := s.begin(ctx, StepVerifyEmail, c)
	defer end(&err)
	if err != nil {
		return VerifiedEmail{}, err
	}
	if !s.sendsLinks() {
		return VerifiedEmail{}, mailNotConfigured()
	}
	if err := s.allow(ctx, limitTokenUse, AddressKey(c.Address)); err != nil {
		return VerifiedEmail{}, err
	}
	if in.Code != nil {
		return s.verifyByCode(ctx, in, now, c)
	}
	for range maxInvalidations { // another use of the link, or a change of the account, may come first
		v, err := s.verifyByLink(ctx, in, now, c)
		if errors.Is(err, ErrNotFound) {
			return VerifiedEmail{}, s.countFailure(ctx, c, invalidLink())
		}
		if !errors.Is(err, ErrMovedOn) {
			return v, err
		}
	}
	return VerifiedEmail{}, Unavailable(errAccountChanges)
}

// verifyByLink returns ErrNotFound if the link is not valid, and ErrMovedOn if the
// account or the token changed meanwhile.
func (s *Service) verifyByLink(ctx context.Context, in VerifyEmailInput, now time.Time, c Client) (VerifiedEmail, error) {
	t, err := s.mailedToken(ctx, PurposeVerifyEmail, in.Token, now)
	if err != nil {
		return VerifiedEmail{}, err
	}
	u, err := s.tokenUser(ctx, t)
	if err != nil {
		return VerifiedEmail{}, err
	}
	if u.EmailVerifiedAt != nil {
		return s.repeatVerified(ctx, u, t)
	}
	if t.UsedAt != nil {
		return VerifiedEmail{}, ErrNotFound
	}
	sessionID, err := s.sessionOfToken(ctx, in.AccessToken, u, now, c)
	if err != nil {
		return VerifiedEmail{}, err
	}
	if sessionID != "" {
		return s.confirmEmail(ctx, u, t, Event{
			Kind: EventEmailVerified, At: now, UserID: u.ID, SessionID: sessionID, Client: c, Detail: "link",
		})
	}
	return s.takeOver(ctx, u, t, now, c)
}

// verifyByCode verifies the address of the caller's account.
func (s *Service) verifyByCode(ctx context.Context, in VerifyEmailInput, now time.Time, c Client) (VerifiedEmail, error) {
	caller, err := s.Authenticate(ctx, in.AccessToken, c)
	if err != nil {
		return VerifiedEmail{}, err
	}
	t, err := s.tryCode(ctx, PurposeVerifyEmail, caller.UserID, *in.Code, now)
	if err != nil {
		return VerifiedEmail{}, err
	}
	u, err := s.account(ctx, caller)
	switch {
	case err != nil:
		return VerifiedEmail{}, err
	case t.EmailKey != u.EmailKey:
		return VerifiedEmail{}, invalidCode()
	case u.EmailVerifiedAt != nil:
		return s.repeatVerified(ctx, u, t)
	}
	v, err := s.confirmEmail(ctx, u, t, Event{
		Kind: EventEmailVerified, At: now, UserID: u.ID, SessionID: caller.SessionID, Client: c, Detail: "code",
	})
	if !errors.Is(err, ErrMovedOn) {
		return v, err
	}
	if u, err = s.account(ctx, caller); err != nil {
		return VerifiedEmail{}, err
	}
	if u.EmailVerifiedAt == nil || t.EmailKey != u.EmailKey {
		return VerifiedEmail{}, invalidCode() // the code was voided meanwhile
	}
	return s.repeatVerified(ctx, u, t)
}

// repeatVerified returns the answer about a user whose address is verified. Another
// use of the token may have verified it after the token was read.
func (s *Service) repeatVerified(ctx context.Context, u User, t OneTimeToken) (VerifiedEmail, error) {
	if t.UsedAt == nil {
		var err error
		if t, err = s.store.OneTimeToken(ctx, t.Hash); err != nil {
			return VerifiedEmail{}, fmt.Errorf("looking up a one-time token: %w", err)
		}
	}
	return verified(u, t), nil
}

func verified(u User, t OneTimeToken) VerifiedEmail {
	return VerifiedEmail{Email: u.Email, VerifiedAt: *u.EmailVerifiedAt, PasswordRemoved: t.Payload == passwordRemoved}
}

// sessionOfToken returns the id of the session of an access token, if it is valid and
// of this user, and otherwise "". It returns an error if the token is of this user
// and was valid until it expired or was replaced: without it the account would be
// taken over, so the client should refresh it and try again.
func (s *Service) sessionOfToken(ctx context.Context, accessToken string, u User, now time.Time, c Client) (string, error) {
	if accessToken == "" {
		return "", nil
	}
	_, claims, err := s.verifyAs(ctx, s.tokens.VerifyExpired, accessToken, now, UseAccess)
	if isRefusal(err) || err == nil && claims.User.ID != u.ID {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	caller, err := s.Authenticate(ctx, accessToken, c)
	if e := AsError(err); e != nil {
		if e.Code == CodeUnauthenticated && e.Reason != ReasonTokenExpired && e.Reason != ReasonTokenBlacklisted {
			return "", nil // its session has ended
		}
		return "", err
	}
	return caller.SessionID, nil
}

// confirmEmail verifies the address of a user who has a session. It voids nothing.
func (s *Service) confirmEmail(ctx context.Context, u User, t OneTimeToken, e Event) (VerifiedEmail, error) {
	u, err := s.store.VerifyEmail(ctx, EmailProof{
		UserID: u.ID, EmailKey: u.EmailKey, Epoch: u.AuthEpoch, At: e.At, Redeem: &Redemption{Hash: t.Hash, Purpose: t.Purpose},
	}, &e)
	if err != nil {
		return VerifiedEmail{}, fmt.Errorf("verifying an address: %w", err)
	}
	s.changed(ctx, e, &e)
	return verified(u, t), nil
}

// takeOver verifies the address of a user by a link that was used without a session
// of the account, and voids everything that the account had before.
func (s *Service) takeOver(ctx context.Context, u User, t OneTimeToken, now time.Time, c Client) (VerifiedEmail, error) {
	if u.HasPassword() {
		t.Payload = passwordRemoved
	}
	e := Event{Kind: EventEmailVerified, At: now, UserID: u.ID, Client: c, Detail: takenOver}
	change := takingOver(u, Redemption{Hash: t.Hash, Purpose: t.Purpose, Payload: t.Payload}, now)
	if _, err := s.revokeSeveral(ctx, change, e); err != nil {
		return VerifiedEmail{}, err
	}
	at := now.Truncate(time.Microsecond)
	u.EmailVerifiedAt = &at
	return verified(u, t), nil
}

// takenOver is the Detail of an event.
const takenOver = "taken_over"

// takingOver returns the change that verifies the address of a user and voids
// everything that the account had before.
func takingOver(u User, r Redemption, now time.Time) EndSessions {
	return EndSessions{
		UserID: u.ID, Reason: RevokedByVerification, At: now, RaiseEpoch: true, ExpectEpoch: &u.AuthEpoch,
		ExpectPasswordHash: u.PasswordHash, VerifyEmail: true, ExpectUnverified: true, Redeem: &r,
	}
}

// startTakingOver is startSession for an account whose address was never verified:
// the token takes it over, and the session begins in the same transaction.
func (s *Service) startTakingOver(ctx context.Context, in sessionStart, now time.Time, c Client) (Grant, error) {
	u := in.user
	sess, secret := s.newSession(ctx, u.ID, in.methods, in.retry, now, c)
	in.redeem.Payload = sess.ID
	e := Event{Kind: EventEmailVerified, At: now, UserID: u.ID, SessionID: sess.ID, Client: c, Detail: takenOver}
	login := Event{Kind: EventLogin, At: now, UserID: u.ID, SessionID: sess.ID, Client: c}
	change := takingOver(u, *in.redeem, now)
	change.Start, change.StartEvent = &sess, &login
	if _, err := s.revokeSeveral(ctx, change, e); err != nil {
		return Grant{}, err
	}
	s.changed(ctx, login, &login)
	at := now.Truncate(time.Microsecond)
	u.EmailVerifiedAt, u.UpdatedAt, u.PasswordHash, u.AuthEpoch = &at, at, "", u.AuthEpoch+1
	g, err := s.grant(ctx, u, sess, secret, now)
	if err != nil {
		return Grant{}, err
	}
	return s.afterStart(ctx, g, in.replaces, in.value, now, c), nil
}
