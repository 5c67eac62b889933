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
	PasswordHash    string // PHC string
	// AuthEpoch is raised by everything that ends all sessions; a login under
	// way inserts its session only while the epoch it read still stands.
	AuthEpoch int64
}

// Disabled reports whether the user may not authenticate.
func (u User) Disabled() bool { return u.DisabledAt != nil }

// SecretHash is the SHA-256 of a session secret as it is spelt in tokens. Only
// hashes are stored.
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

// Session is one login on one device: one row for ever. A rotation changes it
// and adds none.
type Session struct {
	ID         string // UUID, lower case
	UserID     string
	Generation int64 // 1 after login, one more with each rotation
	SecretHash SecretHash
	// PreviousHash is that of the direct parent; nil before the first rotation.
	PreviousHash *SecretHash
	// RotatedAt is when the current secret was made, by the database's clock;
	// nil before the first rotation.
	RotatedAt *time.Time
	// RetryHash is the hash of the Idempotency-Key of the last rotation; nil
	// when it had none.
	RetryHash *SecretHash

	// IssuedAt, AccessExpiresAt and RefreshExpiresAt are iat and exp of the
	// current pair, whole seconds, so that a repeated answer repeats them.
	IssuedAt         time.Time
	AccessExpiresAt  time.Time
	RefreshExpiresAt time.Time // the idle expiry
	ExpiresAt        time.Time // the absolute expiry; no token outlives it

	UserAgent  string
	IPAddress  string
	CreatedAt  time.Time
	LastSeenAt time.Time

	// RefreshBlacklistedAt is set when the current refresh token was
	// blacklisted singly; no rotation and no retry passes it.
	RefreshBlacklistedAt *time.Time
	RevokedAt            *time.Time
	RevokedReason        string
}

// EndsAt is when the session ends by itself if it is not refreshed.
func (s Session) EndsAt() time.Time {
	if s.RefreshExpiresAt.Before(s.ExpiresAt) {
		return s.RefreshExpiresAt
	}
	return s.ExpiresAt
}

// Reasons stored with a revoked session.
const (
	RevokedByLogout         = "logout"
	RevokedByUser           = "revoked" // revokeSession
	RevokedByService        = "service" // a program, by its refresh token
	RevokedByReuse          = "reuse"
	RevokedByPasswordChange = "password_change"
	RevokedByDisabling      = "user_disabled"
	RevokedByOperator       = "operator" // from the command line
	RevokedByLimit          = "limit"    // its user has logged in too often elsewhere
)

// TokenUse is what a token is for. Access and refresh tokens carry the same
// claims and are told apart by their key alone.
type TokenUse string

// The uses.
const (
	UseAccess  TokenUse = "access"
	UseRefresh TokenUse = "refresh"
)

// MaxTokenBytes is the longest token that is looked at.
const MaxTokenBytes = 8 << 10

// Claims are the content of a token.
type Claims struct {
	User ClaimsUser
	// SessionID and Secret are user.auth.id and user.auth.token; both empty
	// when the token has no auth claim.
	SessionID string
	Secret    string
	IssuedAt  time.Time // whole seconds
	ExpiresAt time.Time // whole seconds
	// Issuer, Audience and TokenID are iss, aud and jti of a token that was
	// verified, where it has them; what is minted gets them from the issuer.
	Issuer   string
	Audience []string
	TokenID  string
}

// ClaimsUser is the part of a user that tokens show.
type ClaimsUser struct {
	ID              string
	Name            string
	Email           string
	EmailVerifiedAt *time.Time
	CreatedAt       time.Time
	UpdatedAt       time.Time
}

// Transport is what a request came in by, for logs, metrics and the journal.
type Transport string

// The transports. What no request asked for has none.
const (
	TransportGraphQL Transport = "graphql"
	TransportREST    Transport = "rest"  // the legacy route
	TransportOAuth   Transport = "oauth" // for programs
	TransportCLI     Transport = "cli"
)

// ServedTransports returns the transports that a server answers at: all but that of commands.
func ServedTransports() []Transport {
	return []Transport{TransportGraphQL, TransportREST, TransportOAuth}
}

// Client is where a request comes from, as the transport saw it.
type Client struct {
	Address   string // IP address without port, after trusted proxies
	UserAgent string
	RequestID string
	Transport Transport
	// Actor is who acts where that is not who holds the account: see Operator.
	Actor string
}

// Caller is who is calling, proven by a live access token.
type Caller struct {
	UserID    string
	SessionID string
	Claims    Claims
}

// Grant is a token pair with what it stands for: the answer to sign-up, login
// and refresh.
type Grant struct {
	AccessToken      string
	RefreshToken     string
	AccessExpiresAt  time.Time
	RefreshExpiresAt time.Time
	ServerTime       time.Time
	User             User
	Session          Session
}

// BlacklistedToken is a token that must not authenticate though it verifies.
type BlacklistedToken struct {
	SessionID     string
	SecretHash    SecretHash
	Use           TokenUse
	Reason        string
	BlacklistedAt time.Time
	ExpiresAt     time.Time // when the token ends by itself; the row goes then
}
