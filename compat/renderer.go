package compat

import (
	"log/slog"
	"net/http"

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

// RenderError answers an error that was met, and logged, before the door could
// answer: in the envelope and by the same table.
func RenderError(w http.ResponseWriter, _ *http.Request, e *auth.Error) {
	newTable().answer(e).write(w)
}

func (rd *renderer) answer(r *http.Request, err error) answer {
	e := auth.AsError(err)
	rd.log(r, e)
	return rd.table.answer(e)
}

// log notes every refusal, once: its status, 500 for a blacklisted token, does
// not tell what it was. What is not the client's doing comes with its cause.
func (rd *renderer) log(r *http.Request, e *auth.Error) {
	level, message := slog.LevelInfo, "request refused"
	switch e.Code {
	case auth.CodeInternal:
		level, message = slog.LevelError, "request failed"
	case auth.CodeUnavailable:
		level, message = slog.LevelWarn, "request failed"
	}
	rd.logger.LogAttrs(r.Context(), level, message,
		slog.String("door", string(auth.DoorREST)),
		slog.String("code", string(e.Code)),
		slog.String("reason", string(e.Reason)),
		slog.String("request_id", auth.ClientFrom(r.Context()).RequestID),
		slog.String("session_id", auth.SessionFrom(r.Context())),
		slog.Any("cause", e.Err))
}
