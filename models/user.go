package models

// User is a row of users. GORM would fill CreatedAt and UpdatedAt with seconds
// of its own clock; the tags forbid it.
type User struct {
	ID              string `gorm:"primaryKey"`
	Name            string
	Email           string
	EmailKey        string // unique
	EmailVerifiedAt *int64
	CreatedAt       int64 `gorm:"autoCreateTime:false"`
	UpdatedAt       int64 `gorm:"autoUpdateTime:false"`
	DisabledAt      *int64
	PasswordHash    string // PHC string
	AuthEpoch       int64
}
