package auth

import (
	"context"
	"errors"
	"fmt"
)

// ChangePassword replaces the caller's password and ends the caller's other
// sessions; it returns how many. A wrong current password is CodeBadUserInput,
// not CodeUnauthenticated: clients log people out on that.
func (s *Service) ChangePassword(ctx context.Context, caller Caller, in ChangePasswordInput, c Client) (_ int, err error) {
	ctx, end := observe(ctx, s.observer, StepChangePassword, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return 0, err
	}
	u, err := s.account(ctx, caller)
	if err != nil {
		return 0, err
	}
	if err := s.allowAttempt(ctx, u.EmailKey, c); err != nil {
		s.attemptLimited(ctx, u.EmailKey, now, c)
		return 0, err
	}
	e := Event{Kind: EventPasswordChanged, At: now, UserID: u.ID, SessionID: caller.SessionID, Client: c}
	hash, err := s.newPasswordHash(ctx, u, in)
	if errors.Is(err, errWrongPassword) {
		e.Kind = EventPasswordFailed
		s.failed(ctx, e, u.EmailKey)
	}
	if err != nil {
		return 0, err
	}
	now = s.now() // what ends them is not to bear a time from before the wait for a hash
	e.At = now
	ended, err := s.endSessions(ctx, EndSessions{
		UserID: u.ID, Except: caller.SessionID, Reason: RevokedByPasswordChange, At: now,
		RaiseEpoch: true, ExpectPasswordHash: u.PasswordHash, PasswordHash: hash,
	}, e)
	if errors.Is(err, ErrMovedOn) {
		return 0, Unavailable(fmt.Errorf("the password changed meanwhile: %w", err))
	}
	if err != nil {
		return 0, err
	}
	return ended, nil
}

// errWrongPassword is the cause where somebody did not know the current one.
var errWrongPassword = errors.New("wrong current password")

// newPasswordHash checks the current password and hashes the new one.
func (s *Service) newPasswordHash(ctx context.Context, u User, in ChangePasswordInput) (string, error) {
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
	ok, _, err := s.passwords.Verify(ctx, u.PasswordHash, current)
	if err != nil {
		return "", err
	}
	if !ok {
		return "", wrong
	}
	if next == current {
		return "", BadInput("newPassword", "new password is the current one")
	}
	return s.passwords.Hash(ctx, next)
}

// DisableUser bars the user of an e-mail address or an id, and ends all of its
// sessions; it returns how many. For administrators. CodeNotFound when there is
// no such user.
func (s *Service) DisableUser(ctx context.Context, who string, c Client) (int, error) {
	u, err := s.FindUser(ctx, who)
	if err != nil {
		return 0, err
	}
	if err := s.prepareEnding(ctx); err != nil {
		return 0, err
	}
	now := s.now()
	return s.endSessions(ctx, EndSessions{
		UserID: u.ID, Reason: RevokedByDisabling, At: now, RaiseEpoch: true, Disable: true,
	}, Event{Kind: EventUserDisabled, At: now, UserID: u.ID, Client: c})
}

// EnableUser lifts a disabling. Ended sessions stay ended. For administrators.
// CodeNotFound when there is no such user.
func (s *Service) EnableUser(ctx context.Context, who string, c Client) error {
	u, err := s.FindUser(ctx, who)
	if err != nil {
		return err
	}
	now := s.now()
	e := Event{Kind: EventUserEnabled, At: now, UserID: u.ID, Client: c}
	if err := s.store.EnableUser(ctx, u.ID, now, e); err != nil {
		return fmt.Errorf("enabling a user: %w", err)
	}
	s.events.Emit(ctx, e)
	return nil
}

func (s *Service) userByEmail(ctx context.Context, email string) (User, error) {
	_, key, err := emailAddress(email)
	if err != nil {
		return User{}, err
	}
	u, _, err := s.store.UserByEmailKey(ctx, key)
	if errors.Is(err, ErrNotFound) {
		return User{}, &Error{Code: CodeNotFound, Message: "no user has this e-mail address"}
	}
	if err != nil {
		return User{}, fmt.Errorf("looking a user up: %w", err)
	}
	return u, nil
}
