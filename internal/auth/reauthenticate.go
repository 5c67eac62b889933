package auth

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
)

// ReauthenticateInput is the pair of a session, and the credential that its owner
// proves again: the password or a mailed code.
type ReauthenticateInput struct {
	AccessToken  string
	RefreshToken string
	Password     string
	// Code, unless nil, is the mailed code to use instead of the password.
	Code           *string
	IdempotencyKey string // see RefreshInput
	Replaces       string // see LoginInput
}

// Reauthenticate is Refresh for a caller who proves a credential again: the rotation
// also sets AuthenticatedAt of the session, in the same statement. Both tokens must
// belong to one session. If the password or the code is wrong, Reauthenticate returns
// CodeBadUserInput and the refresh token is not used up: clients log people out on
// CodeUnauthenticated.
//
// A repeated request gets the same pair if it has the same tokens, expired access
// token or not, the same idempotency key, and proves the password again or has the
// code that was used. A refresh with that key gets the pair, too.
func (s *Service) Reauthenticate(ctx context.Context, in ReauthenticateInput, c Client) (_ Grant, err error) {
	ctx, now, end, err := s.begin(ctx, StepReauthenticate, c)
	defer end(&err)
	if err != nil {
		return Grant{}, err
	}
	retry, err := hashIdempotencyKey(in.IdempotencyKey)
	if err != nil {
		return Grant{}, err
	}
	access, refusal := s.verify(ctx, UseAccess, in.AccessToken, now, c)
	if refusal != nil {
		if access, err = s.expiredButRepeated(ctx, in.AccessToken, retry, refusal, now); err != nil {
			return Grant{}, err
		}
	}
	if in.RefreshToken == "" {
		return Grant{}, BadInput("refreshToken", "a refresh token is required")
	}
	claims, err := s.verify(ctx, UseRefresh, in.RefreshToken, now, c)
	switch {
	case err != nil:
		return Grant{}, err
	case claims.SessionID != access.SessionID || claims.User.ID != access.User.ID:
		return Grant{}, BadInput("refreshToken", "refresh token and access token must belong to one session")
	}
	r := reauthentication{
		refresh: refresh{core: s, claims: claims, retry: retry, client: c, now: now}, in: in, access: access, refusal: refusal,
	}
	g, err := r.run(ctx)
	if err == nil {
		s.endReplaced(ctx, in.Replaces, g.Session.ID, now, c)
	}
	return g, err
}

// reauthentication is a refresh in progress that proves a credential.
type reauthentication struct {
	refresh
	in      ReauthenticateInput
	access  Claims
	refusal error // of the access token, which has expired; or nil
}

// proof is a credential that was proved.
type proof struct {
	method Method
	hash   string       // of the password
	code   OneTimeToken // of a mailed code
}

// run proves the credential once, and then swaps or repeats as a refresh does.
func (r reauthentication) run(ctx context.Context) (Grant, error) {
	var proved *proof
	for range maxInvalidations {
		st, err := r.core.sessionState(ctx, r.claims.SessionID, HashSecret(r.access.Secret))
		if errors.Is(err, ErrNotFound) {
			return Grant{}, isMissing.err()
		}
		if err != nil {
			return Grant{}, err
		}
		v := r.core.judgeRefresh(st, r.claims, r.presented())
		repeats := v == isRepeat || v == isUnacknowledged
		if v != isCurrent && !repeats {
			return r.resolve(ctx, v, st)
		}
		if err := r.judge(st, repeats); err != nil {
			return Grant{}, err
		}
		if proved, err = r.prove(ctx, st, proved); err != nil {
			return Grant{}, err
		}
		redeem, err := r.redemption(proved, repeats)
		if err != nil {
			return Grant{}, err
		}
		if repeats {
			return r.resolve(ctx, v, st)
		}
		g, err := r.swap(ctx, proved.method, redeem)
		if !errors.Is(err, ErrMovedOn) {
			return g, err
		}
	}
	return Grant{}, Unavailable(fmt.Errorf("the session changed meanwhile: %w", ErrMovedOn))
}

// judge returns the error for the access token. That of a repeat may have been
// replaced together with the refresh token. If a refresh replaced the pair, judge
// refuses it: the successor would not be authenticated again, so that the client has
// to get it by a refresh first.
func (r reauthentication) judge(st SessionState, repeats bool) error {
	if repeats && !reauthenticated(st.Session) {
		return isBlacklisted.err()
	}
	if repeats && !st.AccessBlacklisted && r.access.Secret == r.claims.Secret {
		return nil
	}
	if r.refusal != nil {
		return r.refusal
	}
	return r.core.judgeLiveAccess(st, r.access, r.now)
}

// reauthenticated reports whether the last rotation of a session proved a credential.
func reauthenticated(sess Session) bool { return sess.AuthenticatedAt.Equal(sess.LastSeenAt) }

// prove proves the credential, unless that was done. It counts each attempt by the
// session and by the account.
func (r reauthentication) prove(ctx context.Context, st SessionState, proved *proof) (*proof, error) {
	switch {
	case proved == nil:
		if err := r.core.allowReauthentication(ctx, st); err != nil {
			return nil, err
		}
	case proved.method == MethodEmail:
		t, err := r.core.store.OneTimeToken(ctx, proved.code.Hash) // another copy of the request may have used it
		if err != nil {
			return nil, fmt.Errorf("looking up a one-time token: %w", err)
		}
		return &proof{method: MethodEmail, code: t}, nil
	case proved.hash == st.User.PasswordHash:
		return proved, nil
	}
	proved, err := r.check(ctx, st.User)
	if err != nil && AsError(err).Code == CodeBadUserInput {
		e := r.event(EventReauthFailed, string(r.method()))
		r.core.failed(ctx, e, st.User.EmailKey)
	}
	return proved, err
}

func (r reauthentication) method() Method {
	if r.in.Code != nil {
		return MethodEmail
	}
	return MethodPassword
}

func (r reauthentication) check(ctx context.Context, u User) (*proof, error) {
	if r.in.Code != nil {
		t, err := r.core.tryCode(ctx, PurposeReauthenticate, u.ID, *r.in.Code, r.now)
		if err == nil && t.EmailKey != u.EmailKey {
			err = invalidCode()
		}
		return &proof{method: MethodEmail, code: t}, err
	}
	wrong := BadInput("password", "password is wrong")
	password, err := normalizePassword("password", r.in.Password)
	if err != nil {
		return nil, wrong
	}
	// The caller is signed in, so the device is known.
	attempt := Attempt{Account: u.EmailKey, Network: AddressKey(r.client.Address), Known: true}
	ok, _, err := r.core.passwords.Verify(ctx, attempt, u.PasswordHash, password)
	if err == nil && !ok {
		err = wrong
	}
	return &proof{method: MethodPassword, hash: u.PasswordHash}, err
}

// redemption returns the use of the code that was proved, or nil for a password. A
// used code is accepted only from a repeat with the key that it was used with.
func (r reauthentication) redemption(p *proof, repeats bool) (*Redemption, error) {
	if p.method != MethodEmail {
		return nil, nil
	}
	key := ""
	if r.retry != nil {
		key = hex.EncodeToString(r.retry[:])
	}
	if used := p.code.UsedAt != nil; used != repeats || used && (key == "" || p.code.Payload != key) {
		return nil, invalidCode()
	}
	return &Redemption{Hash: p.code.Hash, Purpose: p.code.Purpose, Payload: key}, nil
}

// swap rotates the session by the same compare-and-swap as a refresh, in one
// transaction with the use of the code and the event.
func (r reauthentication) swap(ctx context.Context, method Method, redeem *Redemption) (Grant, error) {
	r.now = r.core.now() // hashing may have waited
	if err := r.invalidate(ctx); err != nil {
		return Grant{}, err
	}
	child := deriveSecret(r.core.rotationKeys()[0], r.claims.SessionID, r.claims.Secret)
	rot := r.rotation(child)
	e := r.event(EventReauthenticated, string(method))
	st, err := r.core.store.Reauthenticate(ctx, Reauthentication{Rotation: rot, Method: method, Redeem: redeem}, &e)
	if err != nil && AsError(err).Code == CodeUnavailable {
		failure := err
		if st, err = r.confirmSwap(ctx, rot, failure); err == nil && !reauthenticated(st.Session) {
			err = failure // a refresh with the same key was faster
		}
	}
	if err != nil {
		return Grant{}, fmt.Errorf("authenticating a session again: %w", err)
	}
	r.core.changed(ctx, e, &e)
	return r.core.grant(ctx, st.User, st.Session, child, r.now)
}

// RequestReauthentication mails a code for Reauthenticate to the address of the
// caller's account. It returns CodeForbidden if no mail is configured.
func (s *Service) RequestReauthentication(ctx context.Context, caller Caller, locale string, c Client) (err error) {
	ctx, now, end, err := s.begin(ctx, StepRequestReauth, c)
	defer end(&err)
	if err != nil {
		return err
	}
	if !s.sendsMail {
		return mailNotConfigured()
	}
	locale, err = localeTag(locale)
	if err != nil {
		return err
	}
	if err := s.allowReauthMail(ctx, caller.UserID, c); err != nil {
		return err
	}
	u, err := s.store.UserByID(ctx, caller.UserID)
	if err != nil {
		return fmt.Errorf("looking up a user: %w", err)
	}
	return s.mailReauthCode(ctx, u, locale, Event{
		Kind: EventReauthRequested, At: now, UserID: u.ID, SessionID: caller.SessionID, Client: c,
	})
}

func (s *Service) mailReauthCode(ctx context.Context, u User, locale string, e Event) error {
	_, hash := newLink() // the mail has a code only
	code, mac := s.newCode(PurposeReauthenticate, u.ID)
	m := mailAbout(MailReauthenticate, u, e)
	m.Code, m.ExpiresAt = code, e.At.Add(CodeTTL)
	if locale != "" {
		m.Locale = locale
	}
	return s.issueMailed(ctx, TokenIssue{
		Token: OneTimeToken{
			Hash: hash, Purpose: PurposeReauthenticate, UserID: u.ID, EmailKey: u.EmailKey, CodeMAC: &mac, CreatedAt: e.At, ExpiresAt: m.ExpiresAt,
		},
		Epoch: u.AuthEpoch, Replace: true,
	}, e, m)
}

// Reauthentication is a rotation that also records the proof of a credential.
type Reauthentication struct {
	Rotation
	// Method is the kind of the credential. AuthenticatedAt becomes Rotation.Now.
	Method Method
	// Redeem, unless nil, is the one-time token that proved it.
	Redeem *Redemption
}
