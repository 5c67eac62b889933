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
}
