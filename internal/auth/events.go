package auth

import (
	"context"
	"log/slog"
	"time"
)

// EventKind names something that operators and users want to know about.
type EventKind string

// The kinds.
const (
	EventSignUp          EventKind = "sign_up"
	EventLogin           EventKind = "login"
	EventLoginFailed     EventKind = "login_failed"
	EventLoginLimited    EventKind = "login_limited" // guesses are slowed down
	EventRefresh         EventKind = "refresh"
	EventRefreshRetry    EventKind = "refresh_retry"    // the same pair again
	EventRefreshRace     EventKind = "refresh_race"     // two uses within REUSE_WINDOW
	EventRefreshReuse    EventKind = "refresh_reuse"    // an old token: theft, or a broken client
	EventRefreshRollback EventKind = "refresh_rollback" // the database lost a write
	EventLogout          EventKind = "logout"
	EventSessionRevoked  EventKind = "session_revoked"
	EventTokenBlacklist  EventKind = "token_blacklisted"
	EventPasswordChanged EventKind = "password_changed"
	EventPasswordFailed  EventKind = "password_change_failed" // the current one was wrong
	EventUserAdded       EventKind = "user_added"             // by an administrator
	EventUsersExported   EventKind = "users_exported"
	EventUserDisabled    EventKind = "user_disabled"
	EventUserEnabled     EventKind = "user_enabled"
	EventKeyAdded        EventKind = "key_added" // to the ring
	EventKeyEnded        EventKind = "key_ended" // before its time
	EventKeyResealed     EventKind = "key_resealed"
	EventAPIKeyCreated   EventKind = "api_key_created"
	EventAPIKeyRevoked   EventKind = "api_key_revoked"
	EventJournalLost     EventKind = "journal_lost" // Detail is the kind of what could not be kept
)

// EventKinds returns all there are.
func EventKinds() []EventKind {
	return []EventKind{
		EventSignUp, EventLogin, EventLoginFailed, EventLoginLimited,
		EventRefresh, EventRefreshRetry, EventRefreshRace, EventRefreshReuse, EventRefreshRollback,
		EventLogout, EventSessionRevoked, EventTokenBlacklist, EventPasswordChanged, EventPasswordFailed,
		EventUserAdded, EventUsersExported, EventUserDisabled, EventUserEnabled, EventKeyAdded, EventKeyEnded, EventKeyResealed,
		EventAPIKeyCreated, EventAPIKeyRevoked, EventJournalLost,
	}
}

// Event is one thing that happened: what the log, the metrics and the journal
// have of it is this one value. It never holds a secret.
type Event struct {
	Kind      EventKind
	At        time.Time
	UserID    string
	SessionID string
	Client    Client
	Detail    string // a word or two: the scope of a logout, the action on reuse
	Count     int    // sessions ended
}

// Events receives events. It must not block for long and cannot fail.
type Events interface {
	Emit(ctx context.Context, e Event)
}

// AllEvents tells each of several.
type AllEvents []Events

// Emit passes an event on.
func (all AllEvents) Emit(ctx context.Context, e Event) {
	for _, each := range all {
		each.Emit(ctx, e)
	}
}

// LogEvents writes events to a log. What points at theft or a lost write is a
// warning.
type LogEvents struct{ Logger *slog.Logger }

// Emit logs an event.
func (l LogEvents) Emit(ctx context.Context, e Event) {
	level := slog.LevelInfo
	switch e.Kind {
	case EventRefreshReuse, EventRefreshRollback, EventJournalLost:
		level = slog.LevelWarn
	case EventRefresh, EventRefreshRetry:
		level = slog.LevelDebug // one a quarter of an hour for each device
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
