package models

// KeyNote is a row of key_notes: which keys a replica signs and verifies with.
type KeyNote struct {
	Replica   string `gorm:"primaryKey"`
	Keys      string // JSON, by purpose
	WrittenAt int64  // by the database's clock
}
