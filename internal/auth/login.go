package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// SignUpInput holds the data that a new user enters.
type SignUpInput struct {
	Name     string
	Email    string
	Password string
	Replaces string // see LoginInput
	Device   string // see LoginInput
	// IdempotencyKey is as in LoginInput.
	IdempotencyKey string
}

// LoginInput is an e-mail address and a password.
type LoginInput struct {
	Email    string
	Password string
	// Replaces is a token of the client that the new pair replaces, if the client
	// keeps one pair at a time. The session of that token is revoked, no matter
	// which user it belongs to (OWASP ASVS 7.2.4). A value that is not one of our
	// tokens is ignored.
	Replaces string
	// Device is the Device of an earlier Grant on this device, or empty. It
	// selects the limits. An invalid value is ignored.
	Device string
	// IdempotencyKey has 16 to 128 visible ASCII characters and is new for each
	// login, or empty. A repeat of the login with the same key gets the same pair,
	// until that is refreshed, for RetryTTL.
	IdempotencyKey string
}

// SignUp creates a user and logs in. With VerifyOptional, it mails a link and a code
// that verify the address. It returns CodeConflict if the e-mail address has an
// account, and CodeForbidden with VerifyRequired: see RequestSignUp.
func (s *Service) SignUp(ctx context.Context, in SignUpInput, c Client) (_ Grant, err error) {
	ctx, now, end, err := s.begin(ctx, StepSignUp, c)
	defer end(&err)
	if err != nil {
		return Grant{}, err
	}
	if err := s.allow(ctx, limitSignUp, AddressKey(c.Address)); err != nil {
		return Grant{}, err
	}
	if s.settings.EmailVerification == VerifyRequired {
		return Grant{}, useRequestSignUp()
	}
	retry, err := hashIdempotencyKey(in.IdempotencyKey)
	if err != nil {
		return Grant{}, err
	}
	u, err := s.newUser(ctx, in, now, c)
	if err != nil {
		return Grant{}, err
	}
	now = s.now() // hashing may have waited
	g, err := s.createAccount(ctx, NewAccount{User: u}, []Method{MethodPassword}, retry, now, c)
	switch {
	case errors.Is(err, ErrEmailTaken) && retry != nil:
		g, err = s.repeatSignUp(ctx, in, *retry, now, c)
	case errors.Is(err, ErrEmailTaken):
		err = emailConflict()
	}
	if err != nil {
		return Grant{}, err
	}
	return s.afterStart(ctx, g, in.Replaces, in.Device, now, c), nil
}

// createAccount creates an account with its first session, and returns the first
// pair. The error wraps ErrEmailTaken if the address has an account, and ErrMovedOn
// if the one-time token cannot be used. The id of the session becomes the payload of
// that token.
func (s *Service) createAccount(ctx context.Context, a NewAccount, methods []Method, retry *SecretHash, now time.Time, c Client) (Grant, error) {
	if err := s.CheckClock(ctx); err != nil {
		return Grant{}, Unavailable(err)
	}
	var secret string
	a.Session, secret = s.newSession(ctx, a.User.ID, methods, retry, now, c)
	if a.Redeem != nil {
		a.Redeem.Payload = a.Session.ID
	}
	e := Event{Kind: EventSignUp, At: now, UserID: a.User.ID, SessionID: a.Session.ID, Client: c}
	recorded := &e
	if a.User.EmailVerifiedAt == nil {
		recorded = s.verifyNewAccount(ctx, &a, &e)
	}
	if err := s.store.CreateUser(ctx, a, recorded); err != nil {
		return Grant{}, fmt.Errorf("creating a user: %w", err)
	}
	s.changed(ctx, e, recorded)
	return s.grant(ctx, a.User, a.Session, secret, now)
}

// repeatSignUp returns the pair of an earlier sign-up with the same idempotency key
// and the same password. Otherwise it returns CodeConflict.
func (s *Service) repeatSignUp(ctx context.Context, in SignUpInput, retry SecretHash, now time.Time, c Client) (Grant, error) {
	u, _, err := s.userByEmail(ctx, in.Email)
	var g Grant
	if err == nil {
		g, err = s.startedWithPassword(ctx, u, in.Password, retry, now, c)
	}
	if errors.Is(err, ErrNotFound) {
		return Grant{}, emailConflict()
	}
	return g, err
}

func emailConflict() error {
	return &Error{Code: CodeConflict, Message: "e-mail address has an account already", Field: "email"}
}

// newUser checks the input and hashes the password. Its error names all invalid
// fields.
func (s *Service) newUser(ctx context.Context, in SignUpInput, now time.Time, c Client) (User, error) {
	name, nameErr := personName(in.Name)
	email, key, emailErr := emailAddress(in.Email)
	password, passwordErr := s.choosePassword(ctx, "password", in.Password, User{Name: name, EmailKey: key})
	if err := joinBadInput(nameErr, emailErr, passwordErr); err != nil {
		return User{}, err
	}
	hash, err := s.passwords.Hash(ctx, Attempt{Account: key, Network: AddressKey(c.Address)}, password)
	if err != nil {
		return User{}, err
	}
	at := now.Truncate(time.Microsecond)
	return User{
		ID: NewID(now).String(), Name: name, Email: email, EmailKey: key,
		CreatedAt: at, UpdatedAt: at, PasswordHash: hash,
	}, nil
}

// Login creates a session. Neither the answer nor its time reveals whether the
// address has an account: an unknown address costs the same hash. It returns
// ReasonInvalidCredentials, or, if the password is right, ReasonUserDisabled,
// ReasonAccountDeleting, or ReasonEmailUnverified with VerifyRequired. The last one also mails a link and a
// code that verify the address, within the limits of RequestEmailVerification.
func (s *Service) Login(ctx context.Context, in LoginInput, c Client) (_ Grant, err error) {
	ctx, now, end, err := s.begin(ctx, StepLogin, c)
	defer end(&err)
	if err != nil {
		return Grant{}, err
	}
	retry, err := hashIdempotencyKey(in.IdempotencyKey)
	if err != nil {
		return Grant{}, err
	}
	keys := lookupKeys(in.Email)
	password, passwordErr := normalizePassword("password", in.Password)
	if len(keys) == 0 || passwordErr != nil {
		// Such an account cannot exist, which is not a secret: no hash is needed.
		return Grant{}, s.countFailure(ctx, c, invalidCredentials())
	}
	known := s.findDevice(in.Device, keys...)
	attempt := Attempt{Account: keys[0], Network: AddressKey(c.Address), Known: known != nil}
	// A login that the queue would refuse neither reads the account nor counts as
	// an attempt.
	if err := s.passwords.checkQueue(attempt); err != nil {
		return Grant{}, err
	}
	if attempt.Known, err = s.allowLogin(ctx, known, keys[0], now, c); err != nil {
		return Grant{}, err
	}
	u, rehash, clock, err := s.checkCredentials(ctx, in.Email, password, attempt, func(u User) (bool, error) {
		if known.knows(u) {
			return true, nil
		}
		return false, s.allowAttempt(ctx, keys[0], now, c)
	})
	if e := AsError(err); e != nil && e.Code == CodeUnauthenticated {
		s.failed(ctx, Event{Kind: EventLoginFailed, At: now, UserID: u.ID, Client: c, Detail: Outcome(err)}, keys[0])
		if e.Reason == ReasonEmailUnverified {
			s.unverifiedLogin(ctx, u, s.now(), c)
		}
	}
	if err != nil {
		return Grant{}, err
	}
	now = s.now() // hashing may have waited
	if err := s.judgeClock(clock); err != nil {
		return Grant{}, Unavailable(err)
	}
	return s.startSession(ctx, sessionStart{
		user: u, methods: []Method{MethodPassword}, retry: retry, rehash: rehash, replaces: in.Replaces, value: in.Device, known: known,
	}, now, c)
}

// checkCredentials returns the user with this password, and the database's
// clock, which it reads together with the user. With ReasonInvalidCredentials,
// it also returns the user with this address, if there is one. For the attempt of
// a known device, stillKnown reports whether the account knows the device. If
// not, it counts the attempt as a stranger's.
func (s *Service) checkCredentials(
	ctx context.Context, email, password string, a Attempt, stillKnown func(User) (bool, error),
) (u User, rehash string, clock clockReading, err error) {
	clock.before = s.now()
	u, clock.db, err = s.userByEmail(ctx, email)
	clock.after = s.now()
	missing := errors.Is(err, ErrNotFound)
	if err != nil && !missing {
		return User{}, "", clock, err
	}
	if a.Known {
		if a.Known, err = stillKnown(u); err != nil {
			return User{}, "", clock, err
		}
	}
	if missing {
		if _, err := s.passwords.Hash(ctx, a, password); err != nil {
			return User{}, "", clock, err
		}
		return User{}, "", clock, invalidCredentials()
	}
	ok, rehash, err := s.passwords.Verify(ctx, a, u.PasswordHash, password)
	switch {
	case err != nil:
		return User{}, "", clock, err
	case !ok:
		return u, "", clock, invalidCredentials()
	case u.Disabled():
		return u, "", clock, isUserDisabled.err()
	case u.DeleteAt != nil:
		return u, "", clock, isBeingDeleted()
	case s.mustVerify(u):
		return u, "", clock, emailUnverified()
	}
	return u, rehash, clock, nil
}

func invalidCredentials() error {
	return Unauthenticated(ReasonInvalidCredentials, "e-mail address or password is wrong")
}
