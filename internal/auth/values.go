package auth

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// User is a person with an account. Times have microsecond precision.
type User struct {
	ID              string // UUID, lower case
	Name            string
	Email           string // as typed, trimmed
	EmailKey        string // case-folded; unique
	EmailVerifiedAt *time.Time
	CreatedAt       time.Time
	UpdatedAt       time.Time
	DisabledAt      *time.Time
	PasswordHash    string // PHC string; empty if the account has no password
	// AuthEpoch is raised by every change that revokes all sessions. A login in
	// progress inserts its session only if the epoch that it read is unchanged.
	AuthEpoch int64
	// Locale is the language of mails to the user: a BCP 47 tag, or empty for the
	// default language.
	Locale string
	// DeleteAt is when the account is to be erased, because its owner has deleted
	// it, or nil.
	DeleteAt *time.Time
}

// HasPassword reports whether the account has a password. Without one, its owner
// logs in by mail.
func (u User) HasPassword() bool { return u.PasswordHash != "" }

// Disabled reports whether an operator has disabled the account.
func (u User) Disabled() bool { return u.DisabledAt != nil }

// Active reports whether the user may authenticate: the account is neither disabled
// nor being deleted.
func (u User) Active() bool { return u.DisabledAt == nil && u.DeleteAt == nil }

// SecretHash is the SHA-256 of a session secret, in the form that tokens contain.
// Only hashes are stored.
type SecretHash [sha256.Size]byte

// MarshalText implements [encoding.TextMarshaler], as lower-case hex.
func (h SecretHash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (h *SecretHash) UnmarshalText(text []byte) error {
	if len(text) != hex.EncodedLen(len(h)) {
		return errors.New("a hash of the wrong length")
	}
	if _, err := hex.Decode(h[:], text); err != nil {
		return fmt.Errorf("reading a hash: %w", err)
	}
	return nil
}

// HashSecret returns the hash of a secret.
func HashSecret(secret string) SecretHash { return sha256.Sum256([]byte(secret)) }

// Session is one login on one device. It always has exactly one row, which a
// rotation updates.
type Session struct {
	ID         string // UUID, lower case
	UserID     string
	Generation int64 // 1 after login; each rotation adds 1
	SecretHash SecretHash
	// PreviousHash is the hash of the direct parent; nil before the first rotation.
	PreviousHash *SecretHash
	// RotatedAt is when the current secret was created, by the database's clock;
	// nil before the first rotation.
	RotatedAt *time.Time
	// RetryHash is the hash of the Idempotency-Key of the last rotation. Without a
	// key, it is the mark of the attempt (see Rotation), NoRepeat or nil.
	RetryHash *SecretHash
	// Run and PreviousRun are the last two runs of rotations; nil if there were
	// none.
	Run, PreviousRun *Run
	// RotatedBy is the transport of the last rotation, or RotatedByPasswordChange;
	// empty before the first.
	RotatedBy Transport

	// IssuedAt, AccessExpiresAt and RefreshExpiresAt are iat and exp of the
	// current pair, in whole seconds, so that a repeated answer has the same.
	IssuedAt         time.Time
	AccessExpiresAt  time.Time
	RefreshExpiresAt time.Time // the idle expiry
	ExpiresAt        time.Time // the absolute expiry; no token expires later

	UserAgent  string
	IPAddress  string
	CreatedAt  time.Time
	LastSeenAt time.Time

	// RefreshBlacklistedAt is when the current refresh token was blacklisted
	// singly, or nil. From then on the session is not rotated, and no retry gets
	// the pair.
	RefreshBlacklistedAt *time.Time
	RevokedAt            *time.Time
	RevokedReason        string

	// AuthenticatedAt is when the owner last proved a credential in this session.
	// A rotation does not change it.
	AuthenticatedAt time.Time
	// Methods are the kinds of credentials that were proved, in the order of their
	// first use.
	Methods []Method
}

// Method is a kind of credential (RFC 8176 calls it an authentication method).
type Method string

// The methods.
const (
	MethodPassword Method = "PASSWORD"
	MethodEmail    Method = "EMAIL" // a link or a code that was mailed
)

// Run is a series of rotations within one ReuseWindow. A rotation continues the
// current run if that began less than a window ago. Otherwise it begins a new
// one. No rotation extends a run.
type Run struct {
	BeganAt time.Time // by the database's clock
	// IssuedAt is the iat of the token that was replaced when the run began. All
	// tokens that were replaced in the run have this iat or a later one.
	IssuedAt time.Time
}

// EndsAt returns when the session expires if it is not refreshed.
func (s Session) EndsAt() time.Time { return earlier(s.RefreshExpiresAt, s.ExpiresAt) }

// The reasons that are stored with a revoked session.
const (
	RevokedByLogout         = "logout"
	RevokedByUser           = "revoked" // revokeSession
	RevokedByService        = "service" // a program that presented the refresh token
	RevokedByReuse          = "reuse"
	RevokedByPasswordChange = "password_change"
	RevokedByPasswordReset  = "password_reset"
	RevokedByVerification   = "email_verification" // by a link that was opened without a session
	RevokedByEmailChange    = "email_change"
	RevokedByEmailUndo      = "email_change_undone"
	RevokedByDisabling      = "user_disabled"
	RevokedByDeletion       = "account_deleted"
	RevokedByOperator       = "operator" // from the command line
	RevokedByLimit          = "limit"    // newer sessions of the user reached MAX_SESSIONS
)

// RotatedByPasswordChange is the RotatedBy of a session whose last rotation came
// with a change of the password. Its parent has neither an overlap nor a grace,
// and no refresh gets the pair again.
const RotatedByPasswordChange Transport = RevokedByPasswordChange

// TokenUse is the purpose of a token. Access and refresh tokens have the same
// claims: only their keys distinguish them.
type TokenUse string

// The uses.
const (
	UseAccess  TokenUse = "access"
	UseRefresh TokenUse = "refresh"
)

// MaxTokenBytes is the length of the longest token that is verified.
const MaxTokenBytes = 8 << 10

// Claims are the content of a token.
type Claims struct {
	User ClaimsUser
	// SessionID and Secret are user.auth.id and user.auth.token. Both are empty
	// if the token has no auth claim.
	SessionID string
	Secret    string
	IssuedAt  time.Time // whole seconds
	ExpiresAt time.Time // whole seconds
	// Issuer, Audience and TokenID are iss, aud and jti of a verified token, if it
	// has them. Minting ignores them: the issuer's settings determine them.
	Issuer   string
	Audience []string
	TokenID  string
}

// ClaimsUser is the part of a user that tokens contain.
type ClaimsUser struct {
	ID              string
	Name            string
	Email           string
	EmailVerifiedAt *time.Time
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// Caller is a user with a live access token.
type Caller struct {
	UserID    string
	SessionID string
	Claims    Claims
}

// Grant is a token pair with its user and session: the result of a sign-up, a
// login and a refresh.
type Grant struct {
	AccessToken      string
	RefreshToken     string
	AccessExpiresAt  time.Time
	RefreshExpiresAt time.Time
	ServerTime       time.Time
	User             User
	Session          Session
	// Device identifies the device at its next login (see LoginInput). It is empty
	// after a refresh.
	Device string
}

// BlacklistedToken is a token that does not authenticate although it verifies.
type BlacklistedToken struct {
	SessionID     string
	SecretHash    SecretHash
	Use           TokenUse
	Reason        string
	BlacklistedAt time.Time
	ExpiresAt     time.Time // of the token; the row is deleted afterwards
}
