package auth

import (
	"context"
	"errors"
	"fmt"
)

// The use cases in this file are for administrators. No limit counts them.

// SetEmail replaces the address of a user, who is found as by FindUser. It revokes
// all sessions, voids all links and codes that were mailed, also those that undo a
// change, mails the former address, and returns the number of sessions. The new
// address is not verified. It returns CodeBadUserInput if the address is not valid
// or the user has it already, and CodeConflict if it has another account, or may be
// restored to one by undoing a change.
func (s *Service) SetEmail(ctx context.Context, who, newEmail string, c Client) (int, error) {
	email, key, err := emailAddress(newEmail)
	if err != nil {
		return 0, err
	}
	u, err := s.FindUser(ctx, who)
	if err != nil {
		return 0, err
	}
	if email == u.Email && key == u.EmailKey {
		return 0, BadInput("email", "the user has this address already")
	}
	if err := s.prepareRevoking(ctx); err != nil {
		return 0, err
	}
	now := s.now()
	e := Event{Kind: EventEmailChanged, At: now, UserID: u.ID, Client: c, Detail: "operator"}
	informs := mailAbout(MailEmailChanged, u, e)
	informs.Other = email
	revoked, err := s.revokeSeveral(ctx, EndSessions{
		UserID: u.ID, Reason: RevokedByOperator, At: now, RaiseEpoch: true, VoidUndos: true,
		Address: &NewAddress{Email: email, EmailKey: key},
	}, e, informs)
	if errors.Is(err, ErrEmailTaken) {
		return 0, emailConflict()
	}
	return revoked, err
}

// MarkEmailVerified records that the address of a user, who is found as by FindUser,
// is verified, and reports whether it was not before. It revokes nothing. It returns
// CodeConflict if the user is disabled.
func (s *Service) MarkEmailVerified(ctx context.Context, who string, c Client) (bool, error) {
	for range maxInvalidations { // the account may change meanwhile
		u, err := s.FindUser(ctx, who)
		if err != nil {
			return false, err
		}
		switch {
		case u.Disabled():
			return false, userDisabled()
		case u.EmailVerifiedAt != nil:
			return false, nil
		}
		now := s.now()
		e := Event{Kind: EventEmailVerified, At: now, UserID: u.ID, Client: c, Detail: "operator"}
		_, err = s.store.VerifyEmail(ctx, EmailProof{UserID: u.ID, EmailKey: u.EmailKey, Epoch: u.AuthEpoch, At: now}, &e)
		if errors.Is(err, ErrMovedOn) {
			continue
		}
		if err != nil {
			return false, fmt.Errorf("verifying an address: %w", err)
		}
		s.events.Emit(ctx, e)
		return true, nil
	}
	return false, Unavailable(fmt.Errorf("the account changed meanwhile: %w", ErrMovedOn))
}

// SendReset mails a link that sets a new password to a user, who is found as by
// FindUser. It replaces the oldest link if the address has the maximum of valid
// ones. It returns CodeForbidden if no mail is configured, and CodeConflict if the
// user is disabled.
func (s *Service) SendReset(ctx context.Context, who string, c Client) error {
	if !s.sendsLinks() {
		return mailNotConfigured()
	}
	for range maxInvalidations { // the account may change meanwhile
		u, err := s.FindUser(ctx, who)
		if err != nil {
			return err
		}
		if u.Disabled() {
			return userDisabled()
		}
		now := s.now()
		token, hash := newLink()
		e := Event{Kind: EventResetRequested, At: now, UserID: u.ID, Client: c}
		m := mailAbout(MailResetPassword, u, e)
		m.Link, m.ExpiresAt = s.link(PurposeResetPassword, token), now.Add(resetTTL)
		recorded := s.withMail(ctx, &e, m)
		if len(recorded.Mails) == 0 {
			return Unavailable(errNotSealed)
		}
		_, err = s.store.IssueToken(ctx, TokenIssue{
			Token: OneTimeToken{
				Hash: hash, Purpose: PurposeResetPassword, UserID: u.ID, EmailKey: u.EmailKey, CreatedAt: now, ExpiresAt: m.ExpiresAt,
			},
			Epoch: u.AuthEpoch, Replace: true,
		}, recorded)
		if errors.Is(err, ErrMovedOn) {
			continue
		}
		if err != nil {
			return fmt.Errorf("issuing a token: %w", err)
		}
		s.changed(ctx, e, recorded)
		return nil
	}
	return Unavailable(fmt.Errorf("the account changed meanwhile: %w", ErrMovedOn))
}

func userDisabled() error {
	return &Error{Code: CodeConflict, Message: "the user is disabled: enable it first, with rekey users enable"}
}
