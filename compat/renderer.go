package compat

import (
	"log/slog"
	"net/http"

	"rekey/internal/auth"
)

// renderer converts errors to answers and logs the causes that clients must not
// see.
type renderer struct {
	table  table
	logger *slog.Logger
}

// RenderError answers an error that occurred, and was logged, before the request
// reached the transport. It uses the same envelope and table.
func RenderError(w http.ResponseWriter, r *http.Request, e *auth.Error) {
	newTable().answer(e).write(w, r)
}

func (rd *renderer) answer(r *http.Request, err error) answer {
	e := auth.AsError(err)
	auth.LogError(r.Context(), rd.logger, auth.TransportREST, e)
	return rd.table.answer(e)
}
