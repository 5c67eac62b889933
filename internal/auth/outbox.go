package auth

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// informsFor is how long the outbox tries to send a mail that only informs.
const informsFor = 24 * time.Hour

// Sealed is text that is encrypted with a master key.
type Sealed struct {
	Text   []byte
	Master string // the name of the master key
}

// Sealer encrypts what the database stores but must not reveal. An implementation
// is safe for concurrent use.
type Sealer interface {
	// Seal encrypts a text with the current master key. Only a caller that passes
	// the same purpose and id can open the result.
	Seal(purpose, id string, text []byte) (Sealed, error)
	// Open is the reverse of Seal. Its error says what is wrong, for operators.
	Open(purpose, id string, s Sealed) ([]byte, error)
	// Current returns the name of the master key that Seal uses.
	Current() (string, error)
}

// SealedMail is a mail as the outbox stores it. Nobody can read what it says, or
// its address, without the master key.
type SealedMail struct {
	ID        string // as of NewID
	Kind      MailKind
	UserID    string // or empty
	Sealed    Sealed // empty after it was erased
	CreatedAt time.Time
	// ExpiresAt is when the attempts to send the mail end.
	ExpiresAt time.Time
}

const mailPurpose = "mail"

// SealMail returns a mail in the form that the outbox stores. It expires with its
// secret, or 24 hours after now if it only informs.
func SealMail(s Sealer, userID string, m Mail, now time.Time) (SealedMail, error) {
	sealed := SealedMail{ID: NewID(now).String(), Kind: m.Kind, UserID: userID, CreatedAt: now, ExpiresAt: m.ExpiresAt}
	if m.ExpiresAt.IsZero() {
		sealed.ExpiresAt = now.Add(informsFor)
	}
	text, err := json.Marshal(m)
	if err != nil {
		return SealedMail{}, fmt.Errorf("encrypting a mail: %w", err)
	}
	if sealed.Sealed, err = s.Seal(mailPurpose, sealed.ID, text); err != nil {
		return SealedMail{}, fmt.Errorf("encrypting a mail: %w", err)
	}
	return sealed, nil
}

// OpenMail is the reverse of SealMail.
func OpenMail(s Sealer, sealed SealedMail) (m Mail, err error) {
	text, err := s.Open(mailPurpose, sealed.ID, sealed.Sealed)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return Mail{}, fmt.Errorf("decrypting a mail: %w", err)
	}
	return m, nil
}

// QueuedMail is a mail in the outbox: it waits, or it is a dead letter.
type QueuedMail struct {
	SealedMail
	SendAfter time.Time // when the next attempt is due, by the database's clock
	Tries     int       // the attempts so far, including one in progress
	LastError string    // of the last failed attempt, or empty
	DeadAt    *time.Time
}

// MailQuery selects the mails to list, in the order of their ids.
type MailQuery struct {
	Dead   *bool  // only dead letters, or only mails that wait; nil: both
	UserID string // only mails to this user, or empty
	After  string // the last id of the previous page, or empty
	Limit  int
}

// MailBacklog counts the mails in the outbox.
type MailBacklog struct {
	Waiting int
	Due     int // of those that wait, the ones whose next attempt is due
	Dead    int
	// Oldest is the age of the mail that has waited for longest, or 0.
	Oldest time.Duration
}

// Outbox stores mails until they are sent. It has the error rules of Store. A
// mail is added with the event of its cause, in the same transaction (see
// Event.Mails).
type Outbox interface {
	// ClaimMail returns the mail that expires first of those that are due, counts
	// an attempt, and returns the time of the database's clock. The mail is due
	// again after the time of the lease. Until then no other holder gets any mail,
	// unless this one releases its lease. ClaimMail returns ErrNotFound if no mail
	// is due, or if another holder has the lease.
	ClaimMail(ctx context.Context, holder string, lease time.Duration) (QueuedMail, time.Time, error)
	// ReleaseMails ends the lease of a holder, if it has it.
	ReleaseMails(ctx context.Context, holder string) error
	// DeleteMail deletes a mail. It returns ErrNotFound.
	DeleteMail(ctx context.Context, id string, e *Event) error
	// PostponeMail makes a waiting mail due some time from now, and stores why its
	// attempt failed. It does nothing if there was another attempt since.
	PostponeMail(ctx context.Context, id string, try int, wait time.Duration, reason string) error
	// BuryMail makes a waiting mail a dead letter and stores the reason. With erase
	// it erases what the mail says. It does nothing if there was another attempt
	// since.
	BuryMail(ctx context.Context, id string, try int, erase bool, reason string) error
	// RequeueMail makes a mail due now, and no dead letter. It expires at expiresAt,
	// or later if it did before. It returns ErrNotFound if there is no such mail,
	// and ErrMovedOn if the mail was erased.
	RequeueMail(ctx context.Context, id string, expiresAt time.Time, e *Event) error
	// ResealMail replaces what a mail says if it is encrypted with the master key
	// named from. Otherwise it returns false.
	ResealMail(ctx context.Context, id, from string, s Sealed) (bool, error)
	// Mails lists mails.
	Mails(ctx context.Context, q MailQuery) ([]QueuedMail, error)
	// MailBacklog counts mails.
	MailBacklog(ctx context.Context) (MailBacklog, error)
}
