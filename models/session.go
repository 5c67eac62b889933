// Package models holds the rows that GORM reads and writes, one struct for each
// table. It contains no rules and imports no other package of rekey: only
// internal/store converts between rows and the core's values.
//
// The order of the fields is that of the lists of columns in internal/store.
// Times are microseconds since the Unix epoch (see
// docs/decisions/0002-times-as-microseconds.md), hashes are raw bytes, and an
// absent value is nil.
package models

// Session is a row of sessions: one login on one device. A rotation changes
// only columns that no index covers.
type Session struct {
	ID                   string `gorm:"primaryKey"`
	UserID               string // indexed
	Generation           int64
	SecretHash           []byte // SHA-256
	PreviousHash         []byte
	RotatedAt            *int64 // by the database's clock
	RetryHash            []byte
	RunAt                *int64 // by the database's clock
	RunIAT               *int64
	BeforeRunAt          *int64
	BeforeRunIAT         *int64
	RotatedBy            string // a transport
	IssuedAt             int64
	AccessExpiresAt      int64
	RefreshExpiresAt     int64
	ExpiresAt            int64 // indexed; a rotation does not change it
	UserAgent            string
	IPAddress            string
	CreatedAt            int64 `gorm:"autoCreateTime:false"`
	LastSeenAt           int64
	RefreshBlacklistedAt *int64
	RevokedAt            *int64
	RevokedReason        string
	AuthenticatedAt      *int64 // nil: at CreatedAt
	Methods              string // separated by spaces
}

// BlacklistedToken is a row of blacklisted_tokens: a token that must not
// authenticate although its signature verifies. Both tokens of a pair share the
// secret, so the use is part of the key.
type BlacklistedToken struct {
	SessionID     string `gorm:"primaryKey"`
	SecretHash    []byte `gorm:"primaryKey"` // SHA-256
	Use           string `gorm:"primaryKey"` // "access" or "refresh"
	Reason        string
	BlacklistedAt int64
	ExpiresAt     int64 // indexed; the row is deleted some time later
}
