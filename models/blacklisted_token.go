package models

// BlacklistedToken is a row of blacklisted_tokens: one token that must not
// authenticate though it verifies. Both tokens of a pair share the secret, so
// the use is part of the key.
type BlacklistedToken struct {
	SessionID     string `gorm:"primaryKey"`
	SecretHash    []byte `gorm:"primaryKey"` // SHA-256
	Use           string `gorm:"primaryKey"` // "access" or "refresh"
	Reason        string
	BlacklistedAt int64
	ExpiresAt     int64 // indexed; the row goes then
}
