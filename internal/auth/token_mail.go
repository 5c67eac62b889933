package auth

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"
)

// errNotSealed is the cause if a mail cannot be encrypted, which was logged.
var errNotSealed = errors.New("the mail was not encrypted")

// RequestMailInput names the account that gets a mail with a one-time token.
type RequestMailInput struct {
	Email  string
	Locale string // of the mail; empty: the user's
	Device string // see LoginInput
}

// tokenMail is a mail with a one-time token that anybody can request by an address.
type tokenMail struct {
	purpose TokenPurpose
	kind    MailKind
	event   EventKind
	ttl     time.Duration
	code    bool // whether the mail has a code, too
}

// mailToken issues a one-time token and mails it, if the address has an active
// account. If the account is being deleted, the mail has the link that keeps it
// instead. Neither the answer, its time nor the limits reveal whether it has one: an
// address without an account gets a token that nobody can use, by the same
// statements.
func (s *Service) mailToken(ctx context.Context, r tokenMail, in RequestMailInput, now time.Time, c Client) error {
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
	e := Event{Kind: r.event, At: now, UserID: u.ID, Client: c}
	deleting := u.DeleteAt != nil && u.DeleteAt.After(now) && !u.Disabled()
	if deleting {
		r.purpose, r.kind, r.ttl = PurposeCancelDeletion, MailCancelDeletion, u.DeleteAt.Sub(now)
	} else if !u.Active() || u.ID == "" {
		u = User{Email: in.Email, EmailKey: keys[0]} // nobody gets the mail, which costs the same
	}
	link, hash := newLink()
	t := OneTimeToken{Hash: hash, Purpose: r.purpose, UserID: u.ID, EmailKey: u.EmailKey, CreatedAt: now, ExpiresAt: now.Add(r.ttl)}
	m := mailAbout(r.kind, u, e)
	m.Link, m.Locale, m.ExpiresAt = s.link(r.purpose, link), cmp.Or(locale, u.Locale), t.ExpiresAt
	if r.code {
		code, mac := s.newCode(r.purpose, u.ID)
		if !deleting {
			m.Code, t.CodeMAC = code, &mac
		}
	}
	err = s.issueMailed(ctx, TokenIssue{Token: t, Epoch: u.AuthEpoch, Replace: ofDevice && known.knows(u)}, e, m)
	if errors.Is(err, ErrMovedOn) {
		return nil // disabled or signed out everywhere meanwhile; the answer must not show it
	}
	return err
}

// issueMailed stores a one-time token together with its mails, and emits the event
// if it was stored: an address has at most MaxLiveTokens. It returns an error that
// wraps ErrMovedOn if the user is not as the caller read it.
func (s *Service) issueMailed(ctx context.Context, issue TokenIssue, e Event, mails ...Mail) error {
	recorded := s.withMail(ctx, &e, mails...)
	if len(recorded.Mails) != len(mails) {
		return Unavailable(errNotSealed)
	}
	issued, err := s.store.IssueToken(ctx, issue, recorded)
	if err != nil {
		return fmt.Errorf("issuing a one-time token: %w", err)
	}
	if issued {
		s.changed(ctx, e, recorded)
	}
	return nil
}
