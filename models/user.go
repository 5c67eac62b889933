package models

// User is a row of users. GORM would set CreatedAt and UpdatedAt to seconds of
// its own clock, which the tags prevent.
type User struct {
	ID              string `gorm:"primaryKey"`
	Name            string
	Email           string
	EmailKey        string // unique
	EmailVerifiedAt *int64
	CreatedAt       int64 `gorm:"autoCreateTime:false"`
	UpdatedAt       int64 `gorm:"autoUpdateTime:false"`
	DisabledAt      *int64
	PasswordHash    string // in the PHC format; empty if the account has no password
	AuthEpoch       int64
	Locale          string // a BCP 47 tag, or empty
	DeleteAt        *int64 // nil unless the user has deleted the account
}
