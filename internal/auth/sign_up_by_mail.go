package auth

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"
)

// signUpTTL is how long the link of a sign-up is valid.
const signUpTTL = 24 * time.Hour

// RequestSignUpInput holds what a person enters to sign up by mail.
type RequestSignUpInput struct {
	Name   string
	Email  string
	Locale string // of the mail and of the account; empty: the default language
}

// CompleteSignUpInput is the token of a mailed link and the password to set.
type CompleteSignUpInput struct {
	Token          string
	Password       string
	IdempotencyKey string // see LoginInput
	Replaces       string // see LoginInput
	Device         string // see LoginInput
}

// signUpPayload holds the request of a sign-up until its token is used.
type signUpPayload struct {
	Name   string `json:"name"`
	Email  string `json:"email"`
	Locale string `json:"locale,omitempty"`
}

// RequestSignUp mails a link that creates an account. An address that has an
// account gets a mail that says so instead, and a token that nobody can use. Neither
// the answer, its work nor the limits reveal which of the two happened. No account
// exists before CompleteSignUp. It returns CodeForbidden if no mail is configured.
func (s *Service) RequestSignUp(ctx context.Context, in RequestSignUpInput, c Client) (err error) {
	ctx, now, end, err := s.begin(ctx, StepRequestSignUp, c)
	defer end(&err)
	if err != nil {
		return err
	}
	if !s.sendsLinks() {
		return mailNotConfigured()
	}
	name, nameErr := personName(in.Name)
	email, key, emailErr := emailAddress(in.Email)
	locale, localeErr := localeTag(in.Locale)
	if err := joinBadInput(nameErr, emailErr, localeErr); err != nil {
		return err
	}
	if _, err := s.allowMail(ctx, nil, key, c); err != nil {
		return err
	}
	payload, err := json.Marshal(signUpPayload{Name: name, Email: email, Locale: locale})
	if err != nil {
		return fmt.Errorf("storing a sign-up: %w", err)
	}
	u, _, err := s.userByEmail(ctx, email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	e := Event{Kind: EventSignUpRequested, At: now, UserID: u.ID, Client: c}
	link, hash := newLink()
	t := OneTimeToken{
		Hash: hash, Purpose: PurposeCompleteSignUp, EmailKey: key, Payload: string(payload), CreatedAt: now, ExpiresAt: now.Add(signUpTTL),
	}
	m := Mail{Kind: MailHasAccount, To: email, Locale: locale, Client: c, At: now}
	if u.ID == "" {
		m.Kind, m.Link, m.ExpiresAt = MailCompleteSignUp, s.link(PurposeCompleteSignUp, link), t.ExpiresAt
	}
	return s.issueMailed(ctx, TokenIssue{Token: t, Mails: true}, e, m)
}

// CompleteSignUp creates the account of a mailed link, with its address verified,
// and logs in. A refused password does not use up the link. A repeat with the same
// idempotency key and the same password gets the same pair, as at Login. It returns
// CodeConflict if the address got an account since the link was mailed; only the
// person who reads its mails learns that.
func (s *Service) CompleteSignUp(ctx context.Context, in CompleteSignUpInput, c Client) (_ Grant, err error) {
	ctx, now, end, err := s.begin(ctx, StepCompleteSignUp, c)
	defer end(&err)
	if err != nil {
		return Grant{}, err
	}
	if !s.sendsLinks() {
		return Grant{}, mailNotConfigured()
	}
	if err := s.allow(ctx, limitTokenUse, AddressKey(c.Address)); err != nil {
		return Grant{}, err
	}
	retry, err := hashIdempotencyKey(in.IdempotencyKey)
	if err != nil {
		return Grant{}, err
	}
	g, err := s.completeSignUp(ctx, in, retry, now, c)
	if errors.Is(err, ErrNotFound) {
		return Grant{}, s.countFailure(ctx, c, invalidLink())
	}
	if err != nil {
		return Grant{}, err
	}
	return s.afterStart(ctx, g, in.Replaces, in.Device, now, c), nil
}

// completeSignUp returns ErrNotFound if the link is not valid, or was used by
// another request.
func (s *Service) completeSignUp(ctx context.Context, in CompleteSignUpInput, retry *SecretHash, now time.Time, c Client) (Grant, error) {
	t, err := s.mailedToken(ctx, PurposeCompleteSignUp, in.Token, now)
	if err != nil {
		return Grant{}, err
	}
	if t.UsedAt != nil {
		return s.repeatCompletion(ctx, t, in, retry, now, c)
	}
	u, err := s.signUpUser(ctx, t, in.Password, now, c)
	if err != nil {
		return Grant{}, err
	}
	now = s.now() // hashing may have waited
	g, err := s.createAccount(ctx, NewAccount{User: u, Redeem: &Redemption{Hash: t.Hash, Purpose: t.Purpose}},
		[]Method{MethodEmail, MethodPassword}, retry, now, c)
	switch {
	case errors.Is(err, ErrMovedOn):
		return Grant{}, ErrNotFound // it expired meanwhile
	case !errors.Is(err, ErrEmailTaken):
		return g, err
	}
	if t, err = s.mailedToken(ctx, PurposeCompleteSignUp, in.Token, now); err == nil && t.UsedAt != nil { // by a request at the same time
		return s.repeatCompletion(ctx, t, in, retry, now, c)
	}
	return Grant{}, emailConflict()
}

// signUpUser returns the user that a token creates.
func (s *Service) signUpUser(ctx context.Context, t OneTimeToken, password string, now time.Time, c Client) (User, error) {
	var p signUpPayload
	if err := json.Unmarshal([]byte(t.Payload), &p); err != nil {
		return User{}, fmt.Errorf("reading a sign-up: %w", err)
	}
	at := now.Truncate(time.Microsecond)
	u := User{
		ID: NewID(now).String(), Name: p.Name, Email: p.Email, EmailKey: t.EmailKey, EmailVerifiedAt: &at,
		CreatedAt: at, UpdatedAt: at, Locale: p.Locale,
	}
	password, err := s.choosePassword(ctx, "password", password, u)
	if err != nil {
		return User{}, err
	}
	// The holder of a link is as sure to be the owner as a known device.
	u.PasswordHash, err = s.passwords.Hash(ctx, Attempt{Account: u.EmailKey, Network: AddressKey(c.Address), Known: true}, password)
	return u, err
}

// repeatCompletion returns the pair of the request that used a token, if this
// request has the same idempotency key and the same password. Otherwise it returns
// ErrNotFound.
func (s *Service) repeatCompletion(ctx context.Context, t OneTimeToken, in CompleteSignUpInput, retry *SecretHash, now time.Time, c Client) (Grant, error) {
	if retry == nil {
		return Grant{}, ErrNotFound
	}
	u, err := s.store.UserByID(ctx, t.UserID)
	if err != nil {
		return Grant{}, fmt.Errorf("looking up a user: %w", err)
	}
	g, err := s.startedWithPassword(ctx, u, in.Password, *retry, now, c)
	if err == nil && g.Session.ID != t.Payload {
		return Grant{}, ErrNotFound
	}
	return g, err
}
