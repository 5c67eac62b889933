package auth

import (
	"context"
	"errors"
	"time"
)

// MailKind names a kind of mail. Each kind has a template in every language.
type MailKind string

// The kinds of mail that carry a one-time secret, which expires at
// Mail.ExpiresAt.
const (
	MailVerifyEmail     MailKind = "verify_email"      // link and code
	MailCompleteSignUp  MailKind = "complete_sign_up"  // link
	MailResetPassword   MailKind = "reset_password"    // link
	MailLogin           MailKind = "login"             // link and code
	MailReauthenticate  MailKind = "reauthenticate"    // code
	MailConfirmEmail    MailKind = "confirm_email"     // link, to the address that is to be the account's
	MailUndoEmailChange MailKind = "undo_email_change" // link, to the address that was the account's
	MailCancelDeletion  MailKind = "cancel_deletion"   // link
)

// The kinds of mail that only inform.
const (
	MailHasAccount        MailKind = "has_account"      // somebody entered the address of an account to sign up, or as a new address
	MailPasswordChanged   MailKind = "password_changed" // changed or reset
	MailEmailChanged      MailKind = "email_changed"    // to the former address
	MailNewLogin          MailKind = "new_login"        // from an agent and network never seen before
	MailSessionReused     MailKind = "session_reused"   // a session was revoked because a used token was presented
	MailDeletionCancelled MailKind = "deletion_cancelled"
	MailAccountDeleted    MailKind = "account_deleted"
)

// MailKinds returns all kinds.
func MailKinds() []MailKind {
	return []MailKind{
		MailVerifyEmail, MailCompleteSignUp, MailResetPassword, MailLogin, MailReauthenticate,
		MailConfirmEmail, MailUndoEmailChange, MailCancelDeletion,
		MailHasAccount, MailPasswordChanged, MailEmailChanged, MailNewLogin, MailSessionReused, MailDeletionCancelled, MailAccountDeleted,
	}
}

// Mail is one mail to one address. It may contain a secret (Link, Code): it is
// sealed wherever it is stored, and never logged.
type Mail struct {
	Kind   MailKind
	To     string // the address
	Name   string // of the person, or empty
	Locale string // a BCP 47 language tag, or empty for the default language
	Link   string // a URL with a one-time token in its fragment, or empty
	Code   string // eight digits, or empty
	Other  string // the account's other address, in mails about a change of address
	// Client and At are the device and the time of what the mail is about.
	Client Client
	At     time.Time
	// ExpiresAt is when the link and the code expire. A mail that only informs
	// has zero.
	ExpiresAt time.Time
	// CodeExpiresAt is when the code expires, if that is before the link does.
	// Zero: at ExpiresAt.
	CodeExpiresAt time.Time
}

// Mailer renders and sends single mails. It does not retry and stores nothing.
type Mailer interface {
	// Configured reports whether mails can be sent at all. If not, Send fails.
	Configured() bool
	// Send renders a mail and hands it over for delivery. The id is the same in
	// every attempt to send one mail, and recipients may see it. It wraps
	// ErrMailRefused if another attempt cannot succeed; it may succeed after any
	// other error. No error contains the mail's secret or an address.
	Send(ctx context.Context, id string, m Mail) error
}

// ErrMailRefused is wrapped by errors of a mail that will never be accepted,
// such as a mail to an address that does not exist.
var ErrMailRefused = errors.New("the mail was refused")
