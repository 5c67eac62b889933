package auth

import (
	"context"
	"log/slog"
)

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
	case EventRefreshReuse, EventRefreshRollback:
		level = slog.LevelWarn
	case EventRefresh, EventRefreshRetry:
		level = slog.LevelDebug // one a quarter of an hour for each device
	}
	l.Logger.LogAttrs(ctx, level, "event",
		slog.String("event", string(e.Kind)),
		slog.String("user_id", e.UserID),
		slog.String("session_id", e.SessionID),
		slog.String("request_id", e.Client.RequestID),
		slog.String("actor", e.Client.actor()),
		slog.String("door", e.Client.Door),
		slog.String("address", e.Client.Address),
		slog.String("user_agent", e.Client.UserAgent),
		slog.String("detail", e.Detail),
		slog.Int("count", e.Count),
	)
}
