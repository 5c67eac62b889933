package auth

import (
	"cmp"
	"context"
	"errors"
	"time"
)

// loginMailTTL is how long the link and the code of a login are valid.
const loginMailTTL = CodeTTL

// LoginWithEmailInput is the token of a mailed link, or an address and the code that
// was mailed to it.
type LoginWithEmailInput struct {
	Token string
	Email string
	Code  *string // instead of the token, unless nil

	IdempotencyKey string // see LoginInput
	Replaces       string // see LoginInput
	Device         string // see LoginInput
}

// RequestLoginEmail mails a link and a code that log in, if the address has an
// enabled account (see mailToken). It returns CodeForbidden if no mail is configured.
func (s *Service) RequestLoginEmail(ctx context.Context, in RequestMailInput, c Client) (err error) {
	ctx, now, end, err := s.begin(ctx, StepRequestLoginEmail, c)
	defer end(&err)
	if err != nil {
		return err
	}
	return s.mailToken(ctx, tokenMail{purpose: PurposeLogin, kind: MailLogin, event: EventLoginRequested, ttl: loginMailTTL, code: true}, in, now, c)
}

// LoginWithEmail logs in by a mailed link, or by an address and the code that was
// mailed to it. Either proves the address. If that was never verified, the account
// may be the work of somebody else: the login removes the password, revokes all
// sessions and voids all other links and codes, in the same transaction.
//
// A used link or code is accepted only with the idempotency key that it was used
// with, and then gets the same pair, as at Login. For an address without an account,
// a code costs the same and gets the same answer.
func (s *Service) LoginWithEmail(ctx context.Context, in LoginWithEmailInput, c Client) (_ Grant, err error) {
	ctx, now, end, err := s.begin(ctx, StepLoginWithEmail, c)
	defer end(&err)
	if err != nil {
		return Grant{}, err
	}
	if !s.sendsLinks() {
		return Grant{}, mailNotConfigured()
	}
	retry, err := hashIdempotencyKey(in.IdempotencyKey)
	if err != nil {
		return Grant{}, err
	}
	if err := s.allow(ctx, limitTokenUse, AddressKey(c.Address)); err != nil {
		return Grant{}, err
	}
	l := mailLogin{core: s, in: in, retry: retry, now: now, client: c}
	t, u, err := l.prove(ctx)
	for range maxInvalidations { // another use of the token, or a change of the account, may come first
		if err != nil {
			break
		}
		var g Grant
		if g, err = l.start(ctx, t, u); err == nil {
			return g, nil
		}
		if errors.Is(err, ErrMovedOn) {
			t, u, err = l.find(ctx, t.Hash)
		}
	}
	switch {
	case err == nil:
		return Grant{}, Unavailable(errAccountChanges)
	case errors.Is(err, ErrNotFound):
		return Grant{}, s.countFailure(ctx, c, l.refusal())
	}
	return Grant{}, err
}

// mailLogin is one login by mail in progress.
type mailLogin struct {
	core   *Service
	in     LoginWithEmailInput
	retry  *SecretHash
	now    time.Time
	client Client
}

// refusal is the error for everything that cannot log in, whatever the cause.
func (l mailLogin) refusal() error {
	if l.in.Code == nil {
		return invalidLink()
	}
	return invalidCode()
}

// prove returns the token that the link or the code belongs to, used or not, and its
// user. It returns ErrNotFound if it cannot log in.
func (l mailLogin) prove(ctx context.Context) (OneTimeToken, User, error) {
	if l.in.Code == nil {
		hash, ok := linkHash(l.in.Token)
		if !ok {
			return OneTimeToken{}, User{}, ErrNotFound
		}
		return l.find(ctx, hash)
	}
	keys := lookupKeys(l.in.Email)
	if len(keys) == 0 {
		return OneTimeToken{}, User{}, BadInput("email", "e-mail address is not valid")
	}
	// Attempts with a code count as attempts with a password.
	known := l.core.findDevice(l.in.Device, keys...)
	if _, err := l.core.allowLogin(ctx, known, keys[0], l.now, l.client); err != nil {
		return OneTimeToken{}, User{}, err
	}
	u, _, err := l.core.userByEmail(ctx, l.in.Email)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return OneTimeToken{}, User{}, err
	}
	t, err := l.core.tryCode(ctx, PurposeLogin, cmp.Or(u.ID, MinID), *l.in.Code, l.now) // nobody's: it costs the same
	if err == nil {
		t, u, err = l.find(ctx, t.Hash)
	}
	if e := AsError(err); e != nil && (e.Code == CodeBadUserInput || e.Code == CodeRateLimited) {
		err = ErrNotFound // that too many codes were tried would show that there is an account
	}
	if errors.Is(err, ErrNotFound) {
		l.core.failed(ctx, Event{Kind: EventLoginFailed, At: l.now, UserID: u.ID, Client: l.client, Detail: "code"}, keys[0])
	}
	return t, u, err
}

// find returns the token with a hash and its user, as they are now. It returns
// ErrNotFound unless the token can log the user in: because it was not used, or
// because a request with this idempotency key may have used it.
func (l mailLogin) find(ctx context.Context, hash SecretHash) (OneTimeToken, User, error) {
	t, err := l.core.tokenByHash(ctx, PurposeLogin, hash, l.now)
	if err == nil && t.UsedAt != nil && l.retry == nil {
		err = ErrNotFound
	}
	if err != nil {
		return OneTimeToken{}, User{}, err
	}
	u, err := l.core.tokenUser(ctx, t)
	return t, u, err
}

// start starts the session, or returns the pair of the session that the token
// started. It returns ErrMovedOn if the token or the account changed meanwhile.
func (l mailLogin) start(ctx context.Context, t OneTimeToken, u User) (Grant, error) {
	if t.UsedAt != nil {
		g, err := l.core.startedBefore(ctx, u, *l.retry, l.now, l.client)
		if err == nil && g.Session.ID != t.Payload {
			err = ErrNotFound // another login had the key
		}
		if err != nil {
			return Grant{}, err
		}
		return l.core.afterStart(ctx, g, l.in.Replaces, l.in.Device, l.now, l.client), nil
	}
	if err := l.core.CheckClock(ctx); err != nil {
		return Grant{}, Unavailable(err)
	}
	in := sessionStart{
		user: u, methods: []Method{MethodEmail}, retry: l.retry, redeem: &Redemption{Hash: t.Hash, Purpose: t.Purpose},
		replaces: l.in.Replaces, value: l.in.Device, known: l.core.findDevice(l.in.Device, u.EmailKey),
	}
	return l.core.startSession(ctx, in, l.now, l.client)
}
