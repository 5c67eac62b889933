package models

// Mail is a row of mails: a mail that waits in the outbox, or a dead letter. The
// row is deleted once the mail is sent.
type Mail struct {
	ID        string `gorm:"primaryKey"`
	Kind      string
	UserID    *string
	Sealed    []byte // AES-256-GCM, starting with the nonce; nil after it was erased
	Master    string // the name of the key that encrypts it
	CreatedAt int64  `gorm:"autoCreateTime:false"`
	SendAfter int64  // when the next attempt is due, by the database's clock
	Tries     int64
	ExpiresAt int64
	LastError string // empty: no attempt has failed
	DeadAt    *int64 // nil: it waits
}
