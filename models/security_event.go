package models

// SecurityEvent is a row of security_events: one thing that happened. Neither
// user nor session need be there any more.
type SecurityEvent struct {
	ID        string `gorm:"primaryKey"` // made of At
	At        int64
	Kind      string
	UserID    *string // indexed with the id
	SessionID *string
	Actor     string // who did it
	Transport string
	Address   string
	UserAgent string
	RequestID string
	Detail    string
	Count     int64 // of sessions
}
