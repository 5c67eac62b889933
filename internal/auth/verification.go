package auth

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// EmailVerification says whether people must verify the addresses of their
// accounts. The zero value is VerifyOff.
type EmailVerification string

// The modes.
const (
	VerifyOff      EmailVerification = "off"      // SignUp mails nothing
	VerifyOptional EmailVerification = "optional" // SignUp mails a link and a code
	// VerifyRequired: accounts are created by RequestSignUp and CompleteSignUp only,
	// and nobody logs in to an account whose address is not verified.
	VerifyRequired EmailVerification = "required"
)

// verifyTTL is how long a link that verifies an address is valid.
const verifyTTL = 24 * time.Hour

// RequestEmailVerification mails a link and a code that verify the address of the
// caller's account, unless it is verified. It returns CodeForbidden if no mail is
// configured.
func (s *Service) RequestEmailVerification(ctx context.Context, caller Caller, locale string, c Client) (err error) {
	ctx, now, end, err := s.begin(ctx, StepRequestEmailVerification, c)
	defer end(&err)
	if err != nil {
		return err
	}
	if !s.sendsLinks() {
		return mailNotConfigured()
	}
	if locale, err = localeTag(locale); err != nil {
		return err
	}
	if err := s.allowVerification(ctx, caller.UserID, c); err != nil {
		return err
	}
	u, err := s.account(ctx, caller)
	if err != nil || u.EmailVerifiedAt != nil {
		return err
	}
	return s.mailVerification(ctx, u, locale, Event{
		Kind: EventVerifyRequested, At: now, UserID: u.ID, SessionID: caller.SessionID, Client: c,
	})
}

// mailVerification issues a link and a code that verify the address of a user, and
// mails them. They replace the oldest ones: a session or a password proved that the
// owner of the account requested them.
func (s *Service) mailVerification(ctx context.Context, u User, locale string, e Event) error {
	token, m := s.newVerification(u, locale, e)
	err := s.issueMailed(ctx, TokenIssue{Token: token, Epoch: u.AuthEpoch, Replace: true}, e, m)
	if errors.Is(err, ErrMovedOn) {
		return nil // disabled or signed out everywhere meanwhile
	}
	return err
}

// newVerification returns a token that verifies the address of a user, and the mail
// with its link and its code.
func (s *Service) newVerification(u User, locale string, e Event) (OneTimeToken, Mail) {
	link, hash := newLink()
	code, mac := s.newCode(PurposeVerifyEmail, u.ID)
	t := OneTimeToken{
		Hash: hash, Purpose: PurposeVerifyEmail, UserID: u.ID, EmailKey: u.EmailKey, CodeMAC: &mac,
		CreatedAt: e.At, ExpiresAt: e.At.Add(verifyTTL),
	}
	m := mailAbout(MailVerifyEmail, u, e)
	m.Link, m.Code, m.Locale = s.link(PurposeVerifyEmail, link), code, cmp.Or(locale, u.Locale)
	m.ExpiresAt, m.CodeExpiresAt = t.ExpiresAt, e.At.Add(CodeTTL)
	return t, m
}

// verifyNewAccount adds a link and a code that verify the address to an account
// that is about to be created, and returns the event with their mail. It adds
// nothing unless the mode is VerifyOptional, and if the limits of mails are used up:
// that must not prevent the sign-up.
func (s *Service) verifyNewAccount(ctx context.Context, a *NewAccount, e *Event) *Event {
	if s.settings.EmailVerification != VerifyOptional || !s.sendsLinks() {
		return e
	}
	if _, err := s.allowMail(ctx, nil, a.User.EmailKey, e.Client); err != nil {
		return e
	}
	token, m := s.newVerification(a.User, "", *e)
	recorded := s.withMail(ctx, e, m)
	if len(recorded.Mails) > 0 {
		a.Issue = &token
	}
	return recorded
}

// mustVerify reports whether nobody may log in to an account, because its address
// is not verified.
func (s *Service) mustVerify(u User) bool {
	return s.settings.EmailVerification == VerifyRequired && u.EmailVerifiedAt == nil
}

// unverifiedLogin mails a link and a code to an account whose login was refused,
// because its address is not verified. The password was right. The answer is the
// same if the limits are used up or the mail cannot be written.
func (s *Service) unverifiedLogin(ctx context.Context, u User, now time.Time, c Client) {
	if !s.sendsLinks() || s.allowVerification(ctx, u.ID, c) != nil {
		return
	}
	e := Event{Kind: EventVerifyRequested, At: now, UserID: u.ID, Client: c}
	if err := s.mailVerification(ctx, u, "", e); err != nil {
		s.warn(ctx, "mail not sent to an account whose address is not verified", err)
	}
}

// useRequestSignUp is the error of SignUp with VerifyRequired.
func useRequestSignUp() error {
	return &Error{
		Code: CodeForbidden, Reason: ReasonUseRequestSignUp,
		Message: "this service verifies addresses before it creates accounts: sign up by requestSignUp and completeSignUp",
	}
}

func emailUnverified() error {
	return Unauthenticated(ReasonEmailUnverified, "the e-mail address of this account is not verified: open the link in the mail, or reset the password")
}
