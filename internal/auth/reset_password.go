package auth

import (
	"context"
	"errors"
	"time"
)

// resetTTL is how long the link of a password reset is valid.
const resetTTL = 30 * time.Minute

// ResetPasswordInput is the token of a mailed link and the password to set.
type ResetPasswordInput struct {
	Token       string
	NewPassword string
}

// RequestPasswordReset mails a link that sets a new password, if the address has
// an enabled account (see mailToken). It returns CodeForbidden if no mail is
// configured.
func (s *Service) RequestPasswordReset(ctx context.Context, in RequestMailInput, c Client) (err error) {
	ctx, now, end, err := s.begin(ctx, StepRequestPasswordReset, c)
	defer end(&err)
	if err != nil {
		return err
	}
	return s.mailToken(ctx, tokenMail{purpose: PurposeResetPassword, kind: MailResetPassword, event: EventResetRequested, ttl: resetTTL}, in, now, c)
}

// ResetPassword sets the password that a mailed link allows, and revokes all
// sessions of the account. The link proves the address. It returns the number of
// sessions. It logs nobody in. A refused password does not use up the link.
func (s *Service) ResetPassword(ctx context.Context, in ResetPasswordInput, c Client) (_ int, err error) {
	ctx, now, end, err := s.begin(ctx, StepResetPassword, c)
	defer end(&err)
	if err != nil {
		return 0, err
	}
	if !s.sendsLinks() {
		return 0, mailNotConfigured()
	}
	if err := s.allow(ctx, limitTokenUse, AddressKey(c.Address)); err != nil {
		return 0, err
	}
	t, u, err := s.tokenOwner(ctx, PurposeResetPassword, in.Token, now)
	if errors.Is(err, ErrNotFound) {
		return 0, s.countFailure(ctx, c, invalidLink())
	}
	if err != nil {
		return 0, err
	}
	password, err := s.choosePassword(ctx, "newPassword", in.NewPassword, u)
	if err != nil {
		return 0, err
	}
	// The holder of a link is as sure to be the owner as a known device.
	hash, err := s.passwords.Hash(ctx, Attempt{Account: u.EmailKey, Network: AddressKey(c.Address), Known: true}, password)
	if err != nil {
		return 0, err
	}
	for range maxInvalidations { // a login may replace the hash of the password meanwhile
		now = s.now() // hashing may have waited
		e := Event{Kind: EventPasswordReset, At: now, UserID: u.ID, Client: c}
		revoked, err := s.revokeSeveral(ctx, EndSessions{
			UserID: u.ID, Reason: RevokedByPasswordReset, At: now, RaiseEpoch: true, ExpectEpoch: &u.AuthEpoch,
			ExpectPasswordHash: u.PasswordHash, PasswordHash: hash, VerifyEmail: true,
			Redeem: &Redemption{Hash: t.Hash, Purpose: t.Purpose},
		}, e, mailAbout(MailPasswordChanged, u, e))
		if !errors.Is(err, ErrMovedOn) {
			return revoked, err
		}
		t, u, err = s.tokenOwner(ctx, PurposeResetPassword, in.Token, now)
		if errors.Is(err, ErrNotFound) {
			return 0, s.countFailure(ctx, c, invalidLink()) // it was used or voided meanwhile
		}
		if err != nil {
			return 0, err
		}
	}
	return 0, Unavailable(errAccountChanges)
}

// invalidLink is the error for every token that cannot be used, whatever the cause.
func invalidLink() error {
	return BadInput("token", "this link was used, has expired or is not complete: request another one")
}
