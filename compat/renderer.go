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
