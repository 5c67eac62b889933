package models

// SealedKey is a row of sealed_keys: a key of the ring. Times are by the
// database's clock.
type SealedKey struct {
	KID       string `gorm:"primaryKey"`
	Purpose   string // "access", "refresh" or "rotation"
	Number    *int64 // unique with the purpose; nil for a key that only verifies
	Sealed    []byte // AES-256-GCM, its nonce first
	Master    string // names the key that it is sealed with
	Life      int64  // microseconds
	CreatedAt int64  `gorm:"autoCreateTime:false"`
	SignsFrom *int64
	EndsAt    *int64
}
