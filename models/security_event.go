package models

// SecurityEvent is a row of security_events. The user and the session may no
// longer exist.
type SecurityEvent struct {
	ID        string `gorm:"primaryKey"` // sorts by At
	At        int64
	Kind      string
	UserID    *string // indexed with the id
	SessionID *string
	Actor     string // the user, command or program that caused it
	Transport string
	Address   string
	UserAgent string
	RequestID string
	Detail    string
	Count     int64 // of sessions
}
