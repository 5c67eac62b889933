package models

// APIKey is a row of api_keys: the key of a program.
type APIKey struct {
	ID         string `gorm:"primaryKey"`
	Name       string
	Prefix     string // unique
	Hash       []byte // SHA-256
	Scopes     string // by space
	CreatedAt  int64  `gorm:"autoCreateTime:false"`
	LastUsedAt *int64
	RevokedAt  *int64
}
