package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// resetTTL is how long the link of a password reset is valid.
const resetTTL = 30 * time.Minute

// errNotSealed is the cause if a mail cannot be encrypted, which was logged.
var errNotSealed = errors.New("the mail was not encrypted")

// RequestResetInput names the account whose password was forgotten.
type RequestResetInput struct {
	Email  string
	Locale string // of the mail; empty: the user's
	Device string // see LoginInput
}

// ResetPasswordInput is the token of a mailed link and the password to set.
type ResetPasswordInput struct {
	Token       string
	NewPassword string
}

// RequestPasswordReset mails a link that sets a new password, if the address has
// an enabled account. Neither the answer, its time nor the limits reveal whether
// it has one: an address without an account gets a token that nobody can use. It
// returns CodeForbidden if no mail is configured.
func (s *Service) RequestPasswordReset(ctx context.Context, in RequestResetInput, c Client) (err error) {
	ctx, now, end, err := s.begin(ctx, StepRequestPasswordReset, c)
	defer end(&err)
	if err != nil {
		return err
	}
	if !s.sendsLinks() {
		return mailNotConfigured()
	}
	locale, localeErr := localeTag(in.Locale)
	keys := lookupKeys(in.Email)
	var emailErr error
	if len(keys) == 0 {
		emailErr = BadInput("email", "e-mail address is not valid")
	}
	if err := joinBadInput(emailErr, localeErr); err != nil {
		return err
	}
	known := s.findDevice(in.Device, keys...)
	ofDevice, err := s.allowMail(ctx, known, keys[0], c)
	if err != nil {
		return err
	}
	u, _, err := s.userByEmail(ctx, in.Email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	e := Event{Kind: EventResetRequested, At: now, UserID: u.ID, Client: c}
	if u.ID == "" || u.Disabled() {
		u = User{Email: in.Email, EmailKey: keys[0]} // nobody gets the mail, which costs the same
	}
	token, hash := newLink()
	m := mailAbout(MailResetPassword, u, e)
	m.Link, m.Locale, m.ExpiresAt = s.link(PurposeResetPassword, token), cmp.Or(locale, u.Locale), now.Add(resetTTL)
	recorded := s.withMail(ctx, &e, m)
	if len(recorded.Mails) == 0 {
		return Unavailable(errNotSealed)
	}
	issued, err := s.store.IssueToken(ctx, TokenIssue{
		Token: OneTimeToken{
			Hash: hash, Purpose: PurposeResetPassword, UserID: u.ID, EmailKey: u.EmailKey, CreatedAt: now, ExpiresAt: m.ExpiresAt,
		},
		Epoch: u.AuthEpoch, Replace: ofDevice && known.knows(u),
	}, recorded)
	if errors.Is(err, ErrMovedOn) {
		return nil // disabled or signed out everywhere meanwhile; the answer must not show it
	}
	if err != nil {
		return fmt.Errorf("issuing a token: %w", err)
	}
	if issued {
		s.changed(ctx, e, recorded)
	}
	return nil
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
	password, err := newPassword("newPassword", in.NewPassword, u)
	if err != nil {
		return 0, err
	}
	// The holder of a link is as sure to be the owner as a known device.
	hash, err := s.passwords.Hash(ctx, Attempt{Account: u.EmailKey, Network: AddressKey(c.Address), Known: true}, password)
	if err != nil {
		return 0, err
	}
	now = s.now() // hashing may have waited
	e := Event{Kind: EventPasswordReset, At: now, UserID: u.ID, Client: c}
	revoked, err := s.revokeSeveral(ctx, EndSessions{
		UserID: u.ID, Reason: RevokedByPasswordReset, At: now, RaiseEpoch: true, ExpectEpoch: &u.AuthEpoch,
		ExpectPasswordHash: u.PasswordHash, PasswordHash: hash, VerifyEmail: true,
		Redeem: &Redemption{Hash: t.Hash, Purpose: t.Purpose},
	}, e, mailAbout(MailPasswordChanged, u, e))
	if errors.Is(err, ErrMovedOn) {
		return 0, s.countFailure(ctx, c, invalidLink()) // it was used or voided meanwhile
	}
	return revoked, err
}

// invalidLink is the error for every token that cannot be used, whatever the cause.
func invalidLink() error {
	return BadInput("token", "this link was used, has expired or is not complete: request another one")
}
