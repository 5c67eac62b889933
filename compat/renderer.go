package compat

import (
	"log/slog"
	"net/http"
	"time"

	"rekey/internal/auth"
)

// renderer turns errors into answers and logs those that only operators may
// know the cause of.
type renderer struct {
	table  table
	logger *slog.Logger
}

func newRenderer(l *slog.Logger) *renderer {
	return &renderer{table: newTable(), logger: l}
}

// ErrorWriter returns a function that answers err in the envelope, by the same
// table as the door itself: for the middleware around it.
func ErrorWriter(l *slog.Logger) func(w http.ResponseWriter, r *http.Request, err error) {
	rd := newRenderer(l)
	return func(w http.ResponseWriter, r *http.Request, err error) {
		rd.answer(r, err).write(w)
	}
}

func (rd *renderer) answer(r *http.Request, err error) answer {
	e := auth.AsError(err)
	rd.log(r, e)
	row := rd.table.row(e)
	a := answer{
		status:    row.status,
		envelope:  envelope{Message: row.message(e)},
		challenge: row.status == http.StatusUnauthorized,
	}
	if row.retry {
		a.retryAfter = max(e.RetryAfter, time.Second)
	}
	return a
}

// log notes the failures that are not the client's, once: the answer does not
// tell their cause.
func (rd *renderer) log(r *http.Request, e *auth.Error) {
	level := slog.LevelError
	switch e.Code {
	case auth.CodeInternal:
	case auth.CodeUnavailable:
		level = slog.LevelWarn
	default:
		return
	}
	rd.logger.LogAttrs(r.Context(), level, "request failed",
		slog.String("door", door),
		slog.String("code", string(e.Code)),
		slog.String("request_id", auth.ClientFrom(r.Context()).RequestID),
		slog.Any("cause", e.Err))
}
