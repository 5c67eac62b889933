package models

// SealedKey is a row of sealed_keys: a key of the key ring. Its times are by the
// database's clock.
type SealedKey struct {
	KID       string `gorm:"primaryKey;column:kid"`
	Purpose   string // "access", "refresh" or "rotation"
	Number    *int64 // unique with the purpose; nil for a key that only verifies
	Sealed    []byte // AES-256-GCM, starting with the nonce
	Master    string // the name of the key that encrypts it
	Life      int64  // microseconds
	CreatedAt int64  `gorm:"autoCreateTime:false"`
	SignsFrom *int64
	EndsAt    *int64
}

// APIKey is a row of api_keys: the key of a program that calls rekey.
type APIKey struct {
	ID         string `gorm:"primaryKey"`
	Name       string
	Prefix     string // unique
	Hash       []byte // SHA-256
	Scopes     string // separated by spaces
	CreatedAt  int64  `gorm:"autoCreateTime:false"`
	LastUsedAt *int64
	RevokedAt  *int64
}
