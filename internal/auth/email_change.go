package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

const (
	// emailChangeTTL is how long the link that confirms a new address is valid.
	emailChangeTTL = time.Hour
	// emailUndoTTL is how long the link to the former address undoes a change. The
	// address belongs to no other account as long.
	emailUndoTTL = 72 * time.Hour
)

// RequestEmailChangeInput is the address that is to replace the caller's.
type RequestEmailChangeInput struct {
	NewEmail string
	Locale   string // of the mail to the new address; empty: the user's
}

// ConfirmEmailChangeInput is the token of the link to the new address.
type ConfirmEmailChangeInput struct {
	Token string
	// AccessToken is that of the request, or empty. It shows that the person who reads
	// the mail has the account.
	AccessToken string
}

// emailChange is the payload of the tokens that confirm and undo a change.
type emailChange struct {
	Email string `json:"email"` // that the token makes the account's
	// SessionID is the session that requested the change.
	SessionID string `json:"session_id,omitempty"`
}

// emailChangeRequest is a request of a change in progress.
type emailChangeRequest struct {
	caller     Caller
	email, key string // the new address
	locale     string
	taken      bool // another account has the address
	now        time.Time
	client     Client
}

// RequestEmailChange mails a link to the new address, which makes it the caller's,
// and a link to the present one, which undoes the change. Nothing changes before the
// first link is used. The answer does not reveal whether the new address has an
// account: that account gets a mail that says so instead of the link. It returns
// CodeForbidden if no mail is configured.
func (s *Service) RequestEmailChange(ctx context.Context, caller Caller, in RequestEmailChangeInput, c Client) (err error) {
	ctx, now, end, err := s.begin(ctx, StepRequestEmailChange, c)
	defer end(&err)
	if err != nil {
		return err
	}
	if !s.sendsLinks() {
		return mailNotConfigured()
	}
	locale, localeErr := localeTag(in.Locale)
	email, key, emailErr := emailAddress(in.NewEmail)
	if emailErr != nil {
		emailErr = BadInput("newEmail", "e-mail address is not valid")
	}
	if err := joinBadInput(emailErr, localeErr); err != nil {
		return err
	}
	u, err := s.account(ctx, caller)
	if err != nil {
		return err
	}
	if key == u.EmailKey {
		return BadInput("newEmail", "the account has this address already")
	}
	if err := s.allow(ctx, limitEmailChange, u.ID); err != nil {
		return err
	}
	if _, err := s.allowMail(ctx, nil, key, c); err != nil {
		return err
	}
	other, _, err := s.userByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	r := emailChangeRequest{caller: caller, email: email, key: key, locale: locale, taken: other.ID != "", now: now, client: c}
	for range maxInvalidations { // the epoch may rise meanwhile, by the end of another session
		if err = s.issueEmailChange(ctx, u, r); !errors.Is(err, ErrMovedOn) {
			return err
		}
		if u, err = s.account(ctx, caller); err != nil {
			return err
		}
	}
	return Unavailable(errAccountChanges)
}

// issueEmailChange stores both tokens and both mails. It returns ErrMovedOn if the
// account is not as in u. A request over the maximum of tokens of the new address
// stores nothing.
func (s *Service) issueEmailChange(ctx context.Context, u User, r emailChangeRequest) error {
	e := Event{Kind: EventEmailChangeRequested, At: r.now, UserID: u.ID, SessionID: r.caller.SessionID, Client: r.client}
	confirm, confirmLink, err := s.emailChangeToken(PurposeConfirmEmail, u, r.key, emailChange{r.email, r.caller.SessionID}, r.now.Add(emailChangeTTL), r.now)
	if err != nil {
		return err
	}
	undo, undoLink, err := s.emailChangeToken(PurposeUndoEmailChange, u, u.EmailKey, emailChange{Email: u.Email}, r.now.Add(emailUndoTTL), r.now)
	if err != nil {
		return err
	}
	toNew, toPresent := mailAbout(MailConfirmEmail, u, e), mailAbout(MailUndoEmailChange, u, e)
	toNew.To, toNew.Link, toNew.ExpiresAt = r.email, confirmLink, confirm.ExpiresAt
	if r.taken {
		toNew = Mail{Kind: MailHasAccount, To: r.email, Locale: u.Locale, Client: r.client, At: r.now}
	}
	if r.locale != "" {
		toNew.Locale = r.locale
	}
	// This mail is in the language of the account: a thief must not choose one that
	// the owner cannot read.
	toPresent.Other, toPresent.Link, toPresent.ExpiresAt = r.email, undoLink, undo.ExpiresAt
	return s.issueMailed(ctx, TokenIssue{Token: confirm, Undo: &undo, Epoch: u.AuthEpoch}, e, toNew, toPresent)
}

// emailChangeToken returns a token with its link.
func (s *Service) emailChangeToken(p TokenPurpose, u User, key string, change emailChange, expires, now time.Time) (OneTimeToken, string, error) {
	payload, err := json.Marshal(change)
	if err != nil {
		return OneTimeToken{}, "", fmt.Errorf("storing a change of address: %w", err)
	}
	token, hash := newLink()
	return OneTimeToken{
		Hash: hash, Purpose: p, UserID: u.ID, EmailKey: key, Payload: string(payload), CreatedAt: now, ExpiresAt: expires,
	}, s.link(p, token), nil
}

// changeOfToken returns the unused token that a client sent, its user, and what it
// changes. It returns ErrNotFound if the token cannot be used.
func (s *Service) changeOfToken(ctx context.Context, p TokenPurpose, token string, now time.Time) (t OneTimeToken, u User, change emailChange, err error) {
	if t, err = s.unusedToken(ctx, p, token, now); err != nil {
		return t, u, change, err
	}
	if u, err = s.store.UserByID(ctx, t.UserID); err != nil {
		return t, u, change, fmt.Errorf("looking up a user: %w", err)
	}
	if err := json.Unmarshal([]byte(t.Payload), &change); err != nil {
		return t, u, change, fmt.Errorf("reading a change of address: %w", err)
	}
	return t, u, change, nil
}

// useEmailLink counts the use of a link, and calls use until the account does not
// change meanwhile. use returns ErrNotFound if the link cannot be used.
func (s *Service) useEmailLink(ctx context.Context, c Client, use func() (int, error)) (int, error) {
	if !s.sendsLinks() {
		return 0, mailNotConfigured()
	}
	if err := s.allow(ctx, limitTokenUse, AddressKey(c.Address)); err != nil {
		return 0, err
	}
	for range maxInvalidations {
		revoked, err := use()
		switch {
		case errors.Is(err, ErrNotFound):
			return 0, s.countFailure(ctx, c, invalidLink())
		case errors.Is(err, ErrEmailTaken):
			return 0, emailConflict()
		case !errors.Is(err, ErrMovedOn):
			return revoked, err
		}
	}
	return 0, Unavailable(errAccountChanges)
}

// ConfirmEmailChange makes the address that a link was mailed to the address of the
// account, verified, and mails the former address. It revokes all sessions except
// the one that requested the change, and returns their number. It voids the account's other links and codes, except those that undo a
// change. It returns CodeConflict if the address has another account meanwhile.
//
// If the former address was never verified, and the request has no session of the
// account, the link takes the account over: it also removes the password and revokes
// all sessions. The person who reads the mail is then the only one who has proved
// anything.
func (s *Service) ConfirmEmailChange(ctx context.Context, in ConfirmEmailChangeInput, c Client) (_ int, err error) {
	ctx, now, end, err := s.begin(ctx, StepConfirmEmailChange, c)
	defer end(&err)
	if err != nil {
		return 0, err
	}
	return s.useEmailLink(ctx, c, func() (int, error) {
		t, u, next, err := s.changeOfToken(ctx, PurposeConfirmEmail, in.Token, now)
		if err == nil && u.Disabled() {
			err = ErrNotFound
		}
		if err != nil {
			return 0, err
		}
		own, err := s.sessionOfToken(ctx, in.AccessToken, u, now, c)
		if err != nil {
			return 0, err
		}
		e := Event{Kind: EventEmailChanged, At: now, UserID: u.ID, SessionID: own, Client: c, Detail: "confirmed"}
		change := EndSessions{
			UserID: u.ID, Except: next.SessionID, Reason: RevokedByEmailChange, At: now, RaiseEpoch: true, ExpectEpoch: &u.AuthEpoch,
			Address: &NewAddress{Email: next.Email, EmailKey: t.EmailKey, Verified: true},
			Redeem:  &Redemption{Hash: t.Hash, Purpose: t.Purpose},
		}
		if own == "" && u.EmailVerifiedAt == nil {
			e.Detail, change.Except, change.RemovePassword, change.ExpectUnverified = "taken_over", "", true, true
		}
		informs := mailAbout(MailEmailChanged, u, e)
		informs.Other = next.Email
		return s.revokeSeveral(ctx, change, e, informs)
	})
}

// UndoEmailChange restores the address that a link was mailed to, cancels a change
// that is not confirmed yet, and returns the number of revoked sessions: all. It
// removes the password, because somebody who knew it may have requested the change;
// a reset sets another one. It cancels the deletion of the account, and voids all
// its links and codes, also those that undo later changes. It works for 72 hours,
// whatever happened to the account, and for a disabled account, which it does not
// enable.
func (s *Service) UndoEmailChange(ctx context.Context, token string, c Client) (_ int, err error) {
	ctx, now, end, err := s.begin(ctx, StepUndoEmailChange, c)
	defer end(&err)
	if err != nil {
		return 0, err
	}
	return s.useEmailLink(ctx, c, func() (int, error) {
		t, u, change, err := s.changeOfToken(ctx, PurposeUndoEmailChange, token, now)
		if err != nil {
			return 0, err
		}
		e := Event{Kind: EventEmailChangeUndone, At: now, UserID: u.ID, Client: c}
		var mails []Mail
		if u.EmailKey != t.EmailKey {
			mails = append(mails, mailAbout(MailEmailChanged, u, e))
		}
		return s.revokeSeveral(ctx, EndSessions{
			UserID: u.ID, Reason: RevokedByEmailUndo, At: now, RaiseEpoch: true,
			Address:        &NewAddress{Email: change.Email, EmailKey: t.EmailKey, Verified: true},
			RemovePassword: true, CancelDeletion: true,
			Redeem: &Redemption{Hash: t.Hash, Purpose: t.Purpose},
		}, e, mails...)
	})
}
