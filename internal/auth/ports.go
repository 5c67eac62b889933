package auth

import (
	"context"
	"errors"
	"time"
)

// ErrNotFound is returned by a Store when the row asked for is not there.
var ErrNotFound = errors.New("not found")

// ErrEmailTaken is returned by a Store when another user has the e-mail key.
var ErrEmailTaken = errors.New("e-mail address is taken")

// ErrMovedOn is returned by a Store when a conditional write found its
// condition no longer true. Nothing was written.
var ErrMovedOn = errors.New("condition no longer holds")

// ErrNothingDone is in the chain of a Store's error under CodeUnavailable when
// it is certain that nothing was written and nothing will be. Without it the
// outcome is unknown.
var ErrNothingDone = errors.New("nothing was done")

// Rotation is one compare-and-swap of a session's secret: from Current to
// Next, under every condition of a live session.
type Rotation struct {
	SessionID string
	UserID    string
	Current   SecretHash // of the presented token
	Next      SecretHash
	// RetryHash is the hash of this rotation's Idempotency-Key, or nil. One
	// equal to the row's (the previous rotation's) is stored as Attempt.
	RetryHash *SecretHash
	// Attempt is random. It is stored where a key's hash would be when there
	// is no key, so that a swap whose outcome is unknown can be recognised.
	Attempt          SecretHash
	Now              time.Time // judges expiry; becomes LastSeenAt
	IssuedAt         time.Time // of the child; at most ClockLeeway ahead of the database's clock
	ClockLeeway      time.Duration
	AccessExpiresAt  time.Time // of the child, before the cap
	RefreshExpiresAt time.Time // of the child, before the cap by the session's ExpiresAt
	// UserAgent and IPAddress are whose rotation it is; they become the session's.
	UserAgent string
	IPAddress string
}

// SessionState is what the database says of a session at one moment.
type SessionState struct {
	Session Session
	User    User
	// Now is the database's clock at the moment of reading: windows are
	// judged by it, never by a replica's.
	Now time.Time
	// AccessBlacklisted is whether the access token of the secret asked for
	// was blacklisted singly.
	AccessBlacklisted bool
}

// Store keeps users, sessions and blacklisted tokens. Every method is one
// atomic change or one consistent read; ctx bounds it. Trouble with the
// database is an *Error under CodeUnavailable, and the change did not happen
// or its outcome is unknown; a method never answers ErrNotFound for it.
//
// What changes something takes the events that tell of it. They are kept in the
// same transaction, and only if the change was made.
type Store interface {
	Journal

	// CreateUser inserts a user and its first session together.
	// ErrEmailTaken when the e-mail key is taken.
	CreateUser(ctx context.Context, u User, s Session, kept ...Event) error
	// AddUser inserts a user without a session. ErrEmailTaken.
	AddUser(ctx context.Context, u User, kept ...Event) error
	// Users lists users that match a filter, whose Email is folded, in the
	// order of their ids, at most limit.
	Users(ctx context.Context, f UserFilter, limit int) ([]User, error)
	// UserByEmailKey and UserByID return a user, disabled or not, or ErrNotFound.
	// UserByEmailKey also returns the database's clock.
	UserByEmailKey(ctx context.Context, key string) (User, time.Time, error)
	UserByID(ctx context.Context, id string) (User, error)

	// CreateSession inserts a session while the user is enabled and has still
	// this epoch and password hash; ErrMovedOn otherwise. It serialises with
	// everything that raises the epoch. rehash, unless empty, replaces the
	// password hash in the same transaction.
	// It returns how many other live sessions the user had, without those of
	// logins that run at the same time.
	CreateSession(ctx context.Context, s Session, epoch int64, passwordHash, rehash string, kept ...Event) (others int, err error)

	// Rotate swaps a session's secret in one statement and one round trip and
	// returns the session and the user after it, its state's Now being the
	// database's clock. The child's expiries are capped by the session's
	// ExpiresAt. ErrMovedOn when no row fulfils every condition: id, user,
	// current hash, not revoked, refresh token not blacklisted, not expired,
	// user not disabled, issued by a clock that is right. On CodeUnavailable without ErrNothingDone the outcome
	// is unknown.
	Rotate(ctx context.Context, r Rotation) (SessionState, error)

	// SessionState reads a session with its user by primary key, and whether
	// the access token with this secret was blacklisted singly. ErrNotFound
	// when there is no such session.
	SessionState(ctx context.Context, sessionID string, secret SecretHash) (SessionState, error)
	// Sessions lists a user's sessions that are neither revoked nor expired
	// at now, newest first, at most limit.
	Sessions(ctx context.Context, userID string, now time.Time, limit int) ([]Session, error)
	// SurplusSessions returns the ids of those sessions of a user, other than
	// own, that remain when the keep of them are left out that were used last:
	// those unused for longest come last, at most limit.
	SurplusSessions(ctx context.Context, userID, own string, now time.Time, keep, limit int) ([]string, error)

	// RevokeSession ends one session; true when this call ended it, false
	// when it had ended before. ErrNotFound when the user has no such session.
	RevokeSession(ctx context.Context, userID, sessionID, reason string, at time.Time, kept ...Event) (bool, error)
	// EndSessions ends a user's live sessions in one transaction, applying
	// change to the user, and returns the ids of those that it ended.
	// ErrNotFound when there is no such user, ErrMovedOn when its password
	// hash is no longer the expected one. The events get the number of sessions
	// ended as their Count; they are left out when there was nothing to change.
	EndSessions(ctx context.Context, change EndSessions, kept ...Event) ([]string, error)

	// SessionsBegunBefore returns the ids of sessions that are not revoked and
	// were created before a moment, expired or not: the next ones, at most
	// limit, in the order of ids from after on, which is empty for the first.
	SessionsBegunBefore(ctx context.Context, before time.Time, after string, limit int) ([]string, error)
	// RevokeSessions ends sessions whosever they are, and returns the ids of
	// those that it ended while they were live. An event is kept for each of
	// those, with its user and its id.
	RevokeSessions(ctx context.Context, ids []string, reason string, at time.Time, kept ...Event) ([]string, error)

	// EnableUser lifts a disabling. Sessions stay ended. ErrNotFound.
	EnableUser(ctx context.Context, userID string, at time.Time, kept ...Event) error

	// BlacklistAccess notes one access token. Repeating it keeps the first
	// note, which is returned, and no event. ErrNotFound when there is no such
	// session.
	BlacklistAccess(ctx context.Context, t BlacklistedToken, kept ...Event) (BlacklistedToken, error)
	// BlacklistRefresh flags the session's refresh token while its secret is
	// still t.SecretHash; false when the secret has moved on, which
	// blacklists it all the same. Where it is the direct parent's, RetryHash
	// becomes NoRepeat: neither key nor grace gets it the pair again.
	// Repeating it keeps no event.
	BlacklistRefresh(ctx context.Context, t BlacklistedToken, kept ...Event) (bool, error)

	// Now returns the database's clock.
	Now(ctx context.Context) (time.Time, error)
}

// EndSessions describes a change that ends several sessions of one user.
type EndSessions struct {
	UserID string
	Except string // a session id that stays, or empty
	Reason string
	At     time.Time
	// RaiseEpoch also stops logins under way.
	RaiseEpoch bool
	// Disable sets DisabledAt.
	Disable bool
	// ExpectPasswordHash and PasswordHash replace the password's hash while it
	// is the expected one; both empty to leave it.
	ExpectPasswordHash string
	PasswordHash       string
	// BeforeCommit is called with the ids just before the commit; its error
	// rolls everything back.
	BeforeCommit func(ctx context.Context, sessionIDs []string) error
}

// Tokens mints and verifies tokens.
type Tokens interface {
	// Mint signs claims for a use. The same claims and key give the same
	// bytes (RFC 6979). nbf is IssuedAt less one second.
	Mint(use TokenUse, c Claims) (string, error)
	// Verify checks a token of the given use at now. Its error is an *Error
	// with Token set.
	Verify(use TokenUse, token string, now time.Time) (Claims, error)
	// VerifyExpired is Verify without judging exp.
	VerifyExpired(use TokenUse, token string, now time.Time) (Claims, error)
}

// Invalidation is a note that something of a session is about to be blacklisted.
type Invalidation struct {
	SessionID string
	// Secret limits the doubt to the tokens with this secret; nil doubts the
	// whole session.
	Secret *SecretHash
	// Until is when the last token concerned ends by itself.
	Until time.Time
	// Grace is for how long after the change the tokens stay good all the same.
	Grace time.Duration
}

// Blacklist is a cache of doubt in front of the store, for access checks only.
// It never says that a token is bad, only whether the store must be asked.
type Blacklist interface {
	// Invalidate is called before a change commits. An error means that the change
	// must not be made (it is then an *Error under CodeUnavailable).
	Invalidate(ctx context.Context, invalidations ...Invalidation) error
	// KnownValid reports whether an access token with these claims is certainly
	// not blacklisted. False means: ask the store. It never fails.
	KnownValid(ctx context.Context, sessionID string, secret SecretHash, issuedAt time.Time) bool
}

// Limit is a rate: Burst requests at once, then Rate a second.
type Limit struct {
	Name  string // part of the key; also the metric's label
	Rate  float64
	Burst int
	// PerReplica limits protect the replica itself. Each counts for itself: a
	// round trip to count with others would cost as much as what is counted.
	PerReplica bool
	// Private limits are not shown to clients: they count other people's
	// requests, too, or refuse nobody.
	Private bool
	// Group is the same for all shared limits that are checked in one call: their
	// counts are kept on the same node of a Redis cluster.
	Group string
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
