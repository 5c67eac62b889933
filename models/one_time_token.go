package models

// OneTimeToken is a row of one_time_tokens: a link that was mailed, and the code
// in the same mail.
type OneTimeToken struct {
	Hash      []byte `gorm:"primaryKey"` // SHA-256 of the link's token
	Purpose   string
	UserID    *string // indexed; nil for an address without an account
	EmailKey  string  // indexed with the purpose
	CodeMAC   []byte  // nil without a code
	Payload   string  // depends on the purpose
	Tries     int64   // at codes of the account
	CreatedAt int64   `gorm:"autoCreateTime:false"`
	ExpiresAt int64   // indexed; the row is deleted some time later
	UsedAt    *int64
}
