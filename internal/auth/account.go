package auth

import (
	"context"
	"errors"
	"fmt"
)

// ChangePasswordInput is the current password and the one that replaces it.
type ChangePasswordInput struct {
	CurrentPassword string
	NewPassword     string
}

// Me returns the caller's account. It returns CodeUnauthenticated if the account
// was deleted after the access check.
func (s *Service) Me(ctx context.Context, caller Caller, c Client) (_ User, err error) {
	ctx, _, end, err := s.begin(ctx, StepMe, c)
	defer end(&err)
	if err != nil {
		return User{}, err
	}
	return s.account(ctx, caller)
}

func (s *Service) account(ctx context.Context, caller Caller) (User, error) {
	u, err := s.store.UserByID(ctx, caller.UserID)
	if errors.Is(err, ErrNotFound) {
		return User{}, isMissing.err()
	}
	if err != nil {
		return User{}, fmt.Errorf("reading a user: %w", err)
	}
	return u, nil
}

// ChangePassword replaces the caller's password, revokes the caller's other
// sessions, sends a mail about it and returns the number of sessions. If the current password is wrong, it
// returns CodeBadUserInput, not CodeUnauthenticated, because clients log people
// out on that.
func (s *Service) ChangePassword(ctx context.Context, caller Caller, in ChangePasswordInput, c Client) (_ int, err error) {
	ctx, now, end, err := s.begin(ctx, StepChangePassword, c)
	defer end(&err)
	if err != nil {
		return 0, err
	}
	u, err := s.account(ctx, caller)
	if err != nil {
		return 0, err
	}
	if err := s.allowChange(ctx, caller, u.EmailKey, now, c); err != nil {
		return 0, err
	}
	e := Event{Kind: EventPasswordChanged, At: now, UserID: u.ID, SessionID: caller.SessionID, Client: c}
	hash, err := s.newPasswordHash(ctx, u, in, c)
	if errors.Is(err, errWrongPassword) {
		e.Kind = EventPasswordFailed
		s.failed(ctx, e, u.EmailKey)
	}
	if err != nil {
		return 0, err
	}
	now = s.now() // hashing may have waited, and sessions must be revoked at the present
	e.At = now
	revoked, err := s.revokeSeveral(ctx, EndSessions{
		UserID: u.ID, Except: caller.SessionID, Reason: RevokedByPasswordChange, At: now,
		RaiseEpoch: true, ExpectPasswordHash: u.PasswordHash, PasswordHash: hash,
	}, e, mailAbout(MailPasswordChanged, u, e))
	if errors.Is(err, ErrMovedOn) {
		return 0, Unavailable(fmt.Errorf("the password changed meanwhile: %w", err))
	}
	return revoked, err
}

// errWrongPassword is the cause of the error for a wrong current password.
var errWrongPassword = errors.New("wrong current password")

// newPasswordHash checks the current password and hashes the new one.
// The caller is signed in, so the attempt is that of a known device.
func (s *Service) newPasswordHash(ctx context.Context, u User, in ChangePasswordInput, c Client) (string, error) {
	next, err := newPassword("newPassword", in.NewPassword, u)
	if err != nil {
		return "", err
	}
	wrong := BadInput("currentPassword", "current password is wrong")
	wrong.Err = errWrongPassword
	current, err := normalizePassword("currentPassword", in.CurrentPassword)
	if err != nil {
		return "", wrong
	}
	attempt := Attempt{Account: u.EmailKey, Network: AddressKey(c.Address), Known: true}
	ok, _, err := s.passwords.Verify(ctx, attempt, u.PasswordHash, current)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", wrong
	}
	if next == current {
		return "", BadInput("newPassword", "new password is the current one")
	}
	return s.passwords.Hash(ctx, attempt, next)
}
