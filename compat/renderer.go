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

// RenderError answers an error that was met, and logged, before the transport could
// answer: in the envelope and by the same table.
func RenderError(w http.ResponseWriter, _ *http.Request, e *auth.Error) {
	newTable().answer(e).write(w)
}

func (rd *renderer) answer(r *http.Request, err error) answer {
	e := auth.AsError(err)
	auth.LogError(r.Context(), rd.logger, auth.TransportREST, e)
	return rd.table.answer(e)
}
