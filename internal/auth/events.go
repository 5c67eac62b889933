package auth

import (
	"context"
	"log/slog"
	"strings"
	"time"
)

// EventKind names something that operators and users want to know about.
type EventKind string

// The kinds. Each has a row in eventKinds.
const (
	EventSignUp               EventKind = "sign_up"
	EventLogin                EventKind = "login"
	EventLoginRetry           EventKind = "login_retry" // the same pair again
	EventLoginFailed          EventKind = "login_failed"
	EventLoginLimited         EventKind = "login_limited" // attempts at an account are rate-limited
	EventRefresh              EventKind = "refresh"
	EventRefreshRetry         EventKind = "refresh_retry"        // the same pair again
	EventRefreshRace          EventKind = "refresh_race"         // two uses within REUSE_WINDOW
	EventForeignRace          EventKind = "refresh_race_foreign" // a race, from another agent or network than the rotation's
	EventRepeated             EventKind = "refresh_repeated"     // a retry, from another agent or address than the rotation's
	EventRefreshReuse         EventKind = "refresh_reuse"        // an old token: theft, or a faulty client
	EventRefreshRollback      EventKind = "refresh_rollback"     // the database lost a write
	EventLogout               EventKind = "logout"
	EventSessionRevoked       EventKind = "session_revoked"
	EventTokenBlacklist       EventKind = "token_blacklisted"
	EventReauthenticated      EventKind = "reauthenticated"            // Detail is the method
	EventReauthFailed         EventKind = "reauthentication_failed"    // Detail is the method
	EventReauthRequested      EventKind = "reauthentication_requested" // a code was mailed
	EventPasswordChanged      EventKind = "password_changed"
	EventPasswordFailed       EventKind = "password_change_failed" // the current password was wrong
	EventPasswordReset        EventKind = "password_reset"
	EventResetRequested       EventKind = "password_reset_requested" // UserID is empty if the address has no account
	EventLoginRequested       EventKind = "login_mail_requested"     // UserID is empty if the address has no account
	EventSignUpRequested      EventKind = "sign_up_requested"        // UserID is empty if the address has no account
	EventEmailVerified        EventKind = "email_verified"           // Detail says how; Count has the sessions that this revoked
	EventEmailChangeRequested EventKind = "email_change_requested"
	EventEmailChanged         EventKind = "email_changed" // Detail: "confirmed", "taken_over" or "operator"
	EventEmailChangeUndone    EventKind = "email_change_undone"
	EventProfileChanged       EventKind = "profile_changed"              // Detail has the names of the fields
	EventVerifyRequested      EventKind = "email_verification_requested" // by a session or a refused login
	EventUserAdded            EventKind = "user_added"                   // by an administrator
	EventUsersExported        EventKind = "users_exported"
	EventDeleteRequested      EventKind = "deletion_requested" // of an account
	EventDeleteCancelled      EventKind = "deletion_cancelled"
	EventAccountErased        EventKind = "account_erased"
	EventUserDisabled         EventKind = "user_disabled"
	EventUserEnabled          EventKind = "user_enabled"
	EventKeyAdded             EventKind = "key_added" // to the ring
	EventKeyEnded             EventKind = "key_ended" // earlier than planned
	EventKeyResealed          EventKind = "key_resealed"
	EventAPIKeyCreated        EventKind = "api_key_created"
	EventAPIKeyRevoked        EventKind = "api_key_revoked"
	EventMailRetried          EventKind = "mail_retried"    // Detail is the id of the mail
	EventMailDropped          EventKind = "mail_dropped"    // Detail is the id of the mail
	EventJournalLost          EventKind = "journal_lost"    // Detail is the kind of the event that was not recorded
	EventJournalSampled       EventKind = "journal_sampled" // Detail is the kind of the event that the sample left out
)

// recording says which events of a kind the journal records.
type recording int

const (
	logged  recording = iota + 1 // none: they are in the log and the metrics only
	sampled                      // of many in a row, some; an operator's are all recorded
	always                       // all: credentials, factors, identities, keys and accounts
)

// eventKinds has all kinds, with the level of their log line, and whether the
// journal may leave some out. Signs of theft or of a lost write are warnings.
// Refreshes are the most frequent: one in fifteen minutes for each device.
var eventKinds = []struct {
	kind    EventKind
	level   slog.Level
	journal recording
}{
	{EventRefresh, slog.LevelDebug, logged},
	{EventRefreshRetry, slog.LevelDebug, logged},
	{EventRefreshRace, slog.LevelInfo, sampled},
	{EventForeignRace, slog.LevelWarn, sampled},
	{EventRepeated, slog.LevelInfo, sampled},
	{EventRefreshReuse, slog.LevelWarn, sampled},
	{EventRefreshRollback, slog.LevelWarn, sampled},
	{EventSignUp, slog.LevelInfo, always},
	{EventLogin, slog.LevelInfo, always},
	{EventLoginRetry, slog.LevelDebug, logged},
	{EventLoginFailed, slog.LevelInfo, sampled},
	{EventLoginLimited, slog.LevelInfo, sampled},
	{EventLogout, slog.LevelInfo, sampled},
	{EventSessionRevoked, slog.LevelInfo, sampled},
	{EventTokenBlacklist, slog.LevelInfo, sampled},
	{EventReauthenticated, slog.LevelInfo, always},
	{EventReauthFailed, slog.LevelInfo, sampled},
	{EventReauthRequested, slog.LevelInfo, always}, // the limits of mails bound them
	{EventPasswordChanged, slog.LevelInfo, always},
	{EventPasswordFailed, slog.LevelInfo, sampled},
	{EventPasswordReset, slog.LevelInfo, always},
	{EventResetRequested, slog.LevelInfo, always},  // the limits of mails bound them
	{EventLoginRequested, slog.LevelInfo, always},  // the limits of mails bound them
	{EventSignUpRequested, slog.LevelInfo, always}, // the limits of mails bound them
	{EventVerifyRequested, slog.LevelInfo, always}, // as do these
	{EventEmailVerified, slog.LevelInfo, always},
	{EventEmailChangeRequested, slog.LevelInfo, always}, // a limit by user bounds them
	{EventEmailChanged, slog.LevelInfo, always},
	{EventEmailChangeUndone, slog.LevelWarn, always}, // a sign of theft
	{EventProfileChanged, slog.LevelInfo, sampled},
	{EventUserAdded, slog.LevelInfo, always},
	{EventUsersExported, slog.LevelInfo, always},
	{EventDeleteRequested, slog.LevelInfo, always},
	{EventDeleteCancelled, slog.LevelInfo, always},
	{EventAccountErased, slog.LevelInfo, always},
	{EventUserDisabled, slog.LevelInfo, always},
	{EventUserEnabled, slog.LevelInfo, always},
	{EventKeyAdded, slog.LevelInfo, always},
	{EventKeyEnded, slog.LevelInfo, always},
	{EventKeyResealed, slog.LevelInfo, always},
	{EventAPIKeyCreated, slog.LevelInfo, always},
	{EventAPIKeyRevoked, slog.LevelInfo, always},
	{EventMailRetried, slog.LevelInfo, always},
	{EventMailDropped, slog.LevelInfo, always},
	{EventJournalLost, slog.LevelWarn, logged},
	{EventJournalSampled, slog.LevelDebug, logged},
}

// mayBeSampled reports whether the journal may leave the event out. It records all
// events of a kind that is missing in the table.
func (e Event) mayBeSampled() bool {
	if strings.HasPrefix(e.Client.Actor, ActorOperator) {
		return false
	}
	for _, k := range eventKinds {
		if k.kind == e.Kind {
			return k.journal == sampled
		}
	}
	return false
}

// EventKinds returns all kinds.
func EventKinds() []EventKind {
	kinds := make([]EventKind, len(eventKinds))
	for i, k := range eventKinds {
		kinds[i] = k.kind
	}
	return kinds
}

// Event is one thing that happened. The log, the metrics and the journal all
// get this value. It never contains a secret.
type Event struct {
	Kind      EventKind
	At        time.Time
	UserID    string
	SessionID string
	Client    Client
	Detail    string // a word or two: the scope of a logout, the action on reuse
	Count     int    // revoked sessions
	// Mails are added to the outbox in the transaction that records the event. Only
	// the event that a store receives has any.
	Mails []SealedMail
}

// Events receives events. It must not block for long and cannot fail.
type Events interface {
	Emit(ctx context.Context, e Event)
}

// AllEvents passes events to several receivers.
type AllEvents []Events

// Emit passes an event to all receivers.
func (all AllEvents) Emit(ctx context.Context, e Event) {
	for _, each := range all {
		each.Emit(ctx, e)
	}
}

// LogEvents writes events to a log.
type LogEvents struct{ Logger *slog.Logger }

// Emit logs an event.
func (l LogEvents) Emit(ctx context.Context, e Event) {
	level := slog.LevelInfo
	for _, k := range eventKinds {
		if k.kind == e.Kind {
			level = k.level
			break
		}
	}
	l.Logger.LogAttrs(ctx, level, "event",
		slog.String("event", string(e.Kind)),
		slog.String("user_id", e.UserID),
		slog.String("session_id", e.SessionID),
		slog.String("request_id", e.Client.RequestID),
		slog.String("actor", e.Client.Who()),
		slog.String("transport", string(e.Client.Transport)),
		slog.String("address", e.Client.Address),
		slog.String("user_agent", e.Client.UserAgent),
		slog.String("detail", e.Detail),
		slog.Int("count", e.Count),
	)
}
