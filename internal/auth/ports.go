package auth

import (
	"context"
	"errors"
	"math"
	"strconv"
	"time"
)

// ErrNotFound is returned by a Store if the row does not exist.
var ErrNotFound = errors.New("not found")

// ErrEmailTaken is returned by a Store if another user has the e-mail key, or may
// restore it by undoing a change.
var ErrEmailTaken = errors.New("e-mail address is taken")

// ErrMovedOn is returned by a Store if the condition of a conditional write no
// longer holds. Nothing was written.
var ErrMovedOn = errors.New("condition no longer holds")

// ErrNothingDone is in the chain of a Store's error under CodeUnavailable if it
// is certain that nothing was written and nothing will be. Without it, the
// outcome is unknown.
var ErrNothingDone = errors.New("nothing was done")

// Rotation is one compare-and-swap of a session's secret, from Current to Next.
// It happens only if the session is live.
type Rotation struct {
	SessionID string
	UserID    string
	Current   SecretHash // of the presented token
	Next      SecretHash
	// RetryHash is the hash of this rotation's Idempotency-Key, or nil. If it
	// equals the row's, which the previous rotation stored, Attempt is stored
	// instead.
	RetryHash *SecretHash
	// Attempt is random. Without a key it is stored in place of the key's hash,
	// as a mark by which a swap of unknown outcome is recognised.
	Attempt          SecretHash
	Now              time.Time // for expiry; becomes LastSeenAt
	IssuedAt         time.Time // of the child; at most ClockLeeway ahead of the database's clock
	ClockLeeway      time.Duration
	ReuseWindow      time.Duration // the length of a run (see Run)
	AccessExpiresAt  time.Time     // of the child, not yet capped
	RefreshExpiresAt time.Time     // of the child, not yet capped by the session's ExpiresAt
	// UserAgent and IPAddress are those of the request. They become the session's.
	UserAgent string
	IPAddress string
	Transport Transport // or RotatedByPasswordChange; becomes the session's RotatedBy
}

// SessionState is the state of a session in the database at one moment.
type SessionState struct {
	Session Session
	User    User
	// Now is the time of the read by the database's clock. The time since a
	// rotation is measured by it, never by the clock of a replica.
	Now time.Time
	// AccessBlacklisted reports whether the access token with the requested
	// secret was blacklisted singly.
	AccessBlacklisted bool
}

// Store stores users, sessions and blacklisted tokens. Each method is one atomic
// change or one consistent read, within the time of ctx. If the database fails,
// a method returns an *Error under CodeUnavailable, never ErrNotFound. The change
// then did not happen, or its outcome is unknown.
//
// A method that changes something takes the event of the change, or nil. It
// stores the event in the same transaction, and only if something changed.
type Store interface {
	Journal
	OneTimeTokens
	PersonalDataStore
	Deletions

	// CreateUser inserts a user and its first session together. It returns
	// ErrEmailTaken as EndSessions does, and ErrMovedOn if the one-time token cannot
	// be used.
	CreateUser(ctx context.Context, a NewAccount, e *Event) error
	// AddUser inserts a user without a session. It returns ErrEmailTaken as EndSessions
	// does.
	AddUser(ctx context.Context, u User, e *Event) error
	// Users lists the users that match a filter, whose Email is folded, in the
	// order of their ids, at most limit.
	Users(ctx context.Context, f UserFilter, limit int) ([]User, error)
	// UserByEmailKey and UserByID return a user, disabled or not, or ErrNotFound.
	// UserByEmailKey also returns the time of the database's clock.
	UserByEmailKey(ctx context.Context, key string) (User, time.Time, error)
	UserByID(ctx context.Context, id string) (User, error)

	// CreateSession inserts a session, if the user is as NewSession says. Otherwise
	// it returns ErrMovedOn, as it does if the one-time token cannot be used. It is
	// serialised with every change that raises the epoch, and with other logins of
	// the user. If the session has a RetryHash and StartedSession finds a session, it
	// returns that one and writes nothing.
	CreateSession(ctx context.Context, n NewSession, e *Event) (CreatedSession, error)
	// StartedSession returns the live session of a user that was created since a
	// time with this RetryHash, was not rotated, and whose refresh token was not
	// blacklisted. It returns ErrNotFound.
	StartedSession(ctx context.Context, userID string, retry SecretHash, since, now time.Time) (Session, error)

	// Rotate swaps a session's secret, in one statement and one round trip. It
	// returns the session and the user after the swap; Now is the time of the
	// database's clock. The session's ExpiresAt caps the child's expiries. It
	// returns ErrMovedOn if no row fulfils every condition: id, user, current
	// hash, not revoked, refresh token not blacklisted, not expired, user not
	// disabled, not issued ahead of the database's clock. With CodeUnavailable and
	// without ErrNothingDone, the outcome is unknown.
	Rotate(ctx context.Context, r Rotation) (SessionState, error)

	// Reauthenticate is Rotate, and also sets AuthenticatedAt, adds the method to
	// Methods unless it is there, uses up the one-time token and stores the event, in
	// one transaction. It returns ErrMovedOn also if the token cannot be used.
	Reauthenticate(ctx context.Context, r Reauthentication, e *Event) (SessionState, error)

	// SessionState reads a session with its user by primary key, and whether the
	// access token with this secret was blacklisted singly. It returns ErrNotFound
	// if there is no such session.
	SessionState(ctx context.Context, sessionID string, secret SecretHash) (SessionState, error)
	// Sessions lists the sessions of a user that are neither revoked nor expired
	// at now, newest first, at most limit.
	Sessions(ctx context.Context, userID string, now time.Time, limit int) ([]Session, error)

	// RevokeSession revokes one session. It returns true if this call revoked it,
	// and false if it was not live. It returns ErrNotFound if the user has no such
	// session.
	RevokeSession(ctx context.Context, userID, sessionID, reason string, at time.Time, e *Event) (bool, error)
	// EndSessions revokes a user's live sessions in one transaction, applies the
	// change to the user, and returns the ids of the revoked sessions. It returns
	// ErrNotFound if there is no such user, and ErrMovedOn if its password hash or
	// its epoch is not the expected one, if its address is verified against
	// ExpectUnverified, if it is to be erased by DeleteAt anyway, or if the one-time
	// token cannot be used. It returns ErrEmailTaken if another user has the key of
	// the new address, or has a token that restores it. A used token of
	// PurposeUndoEmailChange also voids the tokens that undo later changes. The
	// number of sessions becomes the Count of the stored event.
	EndSessions(ctx context.Context, change EndSessions, e *Event) ([]string, error)
	// EndOtherSessions is EndSessions, and rotates the session that remains in the
	// same transaction. It returns that session with the user, as Rotate does. It
	// returns ErrMovedOn also if the session does not fulfil the conditions of
	// Rotate. A refresh token that was blacklisted singly does not prevent this
	// rotation, and its successor is not blacklisted.
	EndOtherSessions(ctx context.Context, change EndSessions, own Rotation, e *Event) (SessionState, []string, error)
	// RevokeSurplus revokes live sessions of a user over a maximum, and returns
	// their ids. It is serialised with logins of the user and with other calls for
	// the user. It revokes nothing if Own was revoked. The event is stored once for
	// each revoked session, with its id.
	RevokeSurplus(ctx context.Context, surplus SurplusSessions, e *Event) ([]string, error)

	// SessionsBegunBefore returns the ids of sessions that are not revoked and
	// were created before a moment, expired or not, in the order of ids, at most
	// limit. after is the last id of the previous page, or empty.
	SessionsBegunBefore(ctx context.Context, before time.Time, after string, limit int) ([]string, error)
	// RevokeSessions revokes sessions of any users, and returns the ids of those
	// that were live. The event is stored once for each of these, with its user
	// and its id.
	RevokeSessions(ctx context.Context, ids []string, reason string, at time.Time, e *Event) ([]string, error)

	// EnableUser enables a disabled user. Sessions stay revoked. It returns
	// ErrNotFound.
	EnableUser(ctx context.Context, userID string, at time.Time, e *Event) error

	// UpdateProfile changes the profile of an enabled user, and returns the user
	// and whether a value differed. Otherwise it writes nothing. It returns
	// ErrNotFound if there is no such user, or if it is disabled.
	UpdateProfile(ctx context.Context, c ProfileChange, e *Event) (changed bool, u User, err error)

	// VerifyEmail sets EmailVerifiedAt of an enabled user, unless it is set, and uses
	// up the one-time token. It returns the user as changed. It returns ErrMovedOn if
	// there is no such user, if it is disabled, if its address or its epoch is another
	// one, or if the token cannot be used. It revokes nothing.
	VerifyEmail(ctx context.Context, p EmailProof, e *Event) (User, error)

	// BlacklistAccess blacklists one access token. A repeated call changes
	// nothing, stores no event and returns the first entry. It returns ErrNotFound
	// if there is no such session.
	BlacklistAccess(ctx context.Context, t BlacklistedToken, e *Event) (BlacklistedToken, error)
	// BlacklistRefresh blacklists the refresh token of a session if its secret is
	// still t.SecretHash. Otherwise it returns false: the secret was replaced, and
	// the token is blacklisted anyway. If it is the direct parent's, RetryHash
	// becomes NoRepeat, so that neither a key nor the grace gets the pair again. A
	// repeated call stores no event.
	BlacklistRefresh(ctx context.Context, t BlacklistedToken, e *Event) (bool, error)

	// Now returns the time of the database's clock.
	Now(ctx context.Context) (time.Time, error)
}

// NewAccount is an account to create, with its first session.
type NewAccount struct {
	User    User
	Session Session
	// Issue, unless nil, is a one-time token of the user to store.
	Issue *OneTimeToken
	// Redeem, unless nil, is the one-time token that the account is created by. It
	// was mailed to the user's address and has no user; it gets this one.
	Redeem *Redemption
}

// EmailProof is the proof that the owner of an account reads the mails to its
// address.
type EmailProof struct {
	UserID   string
	EmailKey string
	Epoch    int64 // of the user, as the caller read it
	At       time.Time
	Redeem   *Redemption // nil: the proof is not a token
}

// EndSessions is a change that revokes several sessions of one user.
type EndSessions struct {
	UserID string
	Except string // the id of a session that remains, or empty
	Reason string
	At     time.Time
	// RaiseEpoch also stops logins in progress, and voids the user's one-time
	// tokens except those that undo a change.
	RaiseEpoch bool
	// Disable sets DisabledAt.
	Disable bool
	// DeleteAt, unless nil, becomes that of the user, if it is earlier than the one
	// that the user has.
	DeleteAt *time.Time
	// PasswordHash replaces the password's hash if that is ExpectPasswordHash.
	// If both are empty, the hash remains.
	ExpectPasswordHash string
	PasswordHash       string
	// ExpectEpoch, unless nil, is the epoch that the user must still have.
	ExpectEpoch *int64
	// VerifyEmail sets EmailVerifiedAt, unless it is set.
	VerifyEmail bool
	// Address, unless nil, replaces the e-mail address. VerifyEmail does not apply
	// then.
	Address *NewAddress
	// RemovePassword removes the password, whatever it is.
	RemovePassword bool
	// CancelDeletion unsets DeleteAt.
	CancelDeletion bool
	// VoidUndos voids the tokens that undo changes of the address.
	VoidUndos bool
	// ExpectUnverified requires that EmailVerifiedAt is not set.
	ExpectUnverified bool
	// Redeem, unless nil, is the one-time token that the change uses up.
	Redeem *Redemption
	// Start, unless nil, is a session of the user that begins after the others were
	// revoked, and StartEvent its event.
	Start      *Session
	StartEvent *Event
	// Issue, unless nil, is a one-time token of the user to store.
	Issue *OneTimeToken
	// Method, unless empty, is the kind of credential that was proved in the session
	// that EndOtherSessions rotates. See Reauthentication.
	Method Method
	// BeforeCommit is called with the ids just before the commit. Its error rolls
	// the change back.
	BeforeCommit func(ctx context.Context, sessionIDs []string) error
}

// NewAddress is an e-mail address that replaces another one.
type NewAddress struct {
	Email    string
	EmailKey string
	Verified bool // sets EmailVerifiedAt, or else unsets it
}

// SurplusSessions are the live sessions of a user over a maximum: all except Own
// and the Keep others that were used most recently.
type SurplusSessions struct {
	UserID string
	Own    string // the id of a session that remains
	Keep   int
	Limit  int // the number of sessions that one call revokes at most
	Reason string
	At     time.Time
	// BeforeCommit is as in EndSessions.
	BeforeCommit func(ctx context.Context, sessionIDs []string) error
}

// Tokens mints and verifies tokens.
type Tokens interface {
	// Mint signs claims for a use. The same claims and key result in the same
	// bytes (RFC 6979). nbf is one second before IssuedAt.
	Mint(use TokenUse, c Claims) (string, error)
	// Verify checks a token of the given use at now. Its error is an *Error. Token
	// is set if the token is invalid.
	Verify(use TokenUse, token string, now time.Time) (Claims, error)
	// VerifyExpired is Verify without the check of exp.
	VerifyExpired(use TokenUse, token string, now time.Time) (Claims, error)
}

// Invalidation announces that tokens of a session are about to be blacklisted.
type Invalidation struct {
	SessionID string
	// Secret limits the invalidation to the tokens with this secret. If it is nil,
	// all tokens of the session are invalidated.
	Secret *SecretHash
	// Until is when the last of these tokens expires.
	Until time.Time
	// Grace is how long the tokens stay valid after the change.
	Grace time.Duration
}

// Blacklist is a cache in front of the store, for checks of access tokens. It
// never decides that a token is invalid, only whether the store must be asked.
type Blacklist interface {
	// Invalidate is called before a change commits. If it returns an error, an
	// *Error under CodeUnavailable, the change must not be made.
	Invalidate(ctx context.Context, invalidations ...Invalidation) error
	// KnownValid reports whether an access token with these claims is certainly
	// not blacklisted. If it returns false, the store must be asked. It never
	// fails.
	KnownValid(ctx context.Context, sessionID string, secret SecretHash, issuedAt time.Time) bool
}

// Limit is a rate: Burst requests at once, then Rate requests a second.
type Limit struct {
	Name   string // part of the key; also the metric's label
	Counts string // the requests that it counts, for people
	By     string // what its keys stand for, such as "address"; empty: it has one key
	Rate   float64
	Burst  int
	// PerReplica limits protect the replica itself. Replicas do not share their
	// counts: that would cost a round trip, as much as what the limit protects.
	PerReplica bool
	// Private limits are not shown to clients: they count other people's
	// requests, too, or refuse nobody.
	Private bool
	// Group is the same for all shared limits that are checked in one call: their
	// counts are kept on the same node of a Redis cluster.
	Group string
}

// RateText returns the rate for people, in the first unit without a
// fraction, such as "5/s" or "12/min".
func (l Limit) RateText() string {
	text := func(seconds float64, unit string) (string, bool) {
		n := l.Rate * seconds
		return strconv.FormatFloat(math.Round(n*1e3)/1e3, 'f', -1, 64) + "/" + unit, math.Abs(n-math.Round(n)) < 1e-9
	}
	if perSecond, whole := text(1, "s"); whole {
		return perSecond
	}
	if perMinute, whole := text(60, "min"); whole {
		return perMinute
	}
	if perHour, whole := text(3600, "h"); whole {
		return perHour
	}
	perDay, _ := text(86400, "d")
	return perDay
}

// Check is a limit and the key that a request counts under.
type Check struct {
	Limit Limit
	Key   string
}

// Refusal is the limit that refused a request, and how long the request must
// wait. Wait is zero if no limit refused.
type Refusal struct {
	Limit Limit
	Wait  time.Duration
}

// Limiter limits requests.
type Limiter interface {
	// Allow counts one request under each check, in order, and stops at the
	// first limit that refuses. The request counts under the limits before that
	// one, but not under that one and not under those after it: a narrow limit
	// that comes first protects the budget of a wider one. The limits of one
	// call are either all PerReplica or all of one Group. Allow has no error: a
	// limiter that cannot reach its store limits by other means.
	Allow(ctx context.Context, checks ...Check) Refusal
}
