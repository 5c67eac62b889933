package compat

import (
	"log/slog"
	"net/http"

	"rekey/internal/auth"
)

// row describes the answer to a class of failures.
type row struct {
	status  int
	message func(*auth.Error) string
	// retry adds Retry-After.
	retry bool
}

// table maps the core's errors to the legacy answers. Errors under
// auth.CodeUnauthenticated are mapped by reason, others by code.
type table struct {
	codes   map[auth.Code]row
	reasons map[auth.Reason]row
}

func newTable() table {
	return table{codes: map[auth.Code]row{
		auth.CodeUnauthenticated: blacklisted(), // for an unknown reason
		auth.CodeForbidden:       {status: http.StatusForbidden, message: own},
		auth.CodeBadUserInput:    {status: http.StatusBadRequest, message: own},
		auth.CodeNotFound:        {status: http.StatusNotFound, message: text("Not Found")},
		auth.CodeConflict:        {status: http.StatusConflict, message: own},
		auth.CodeRateLimited:     {status: http.StatusTooManyRequests, message: text("Too many requests"), retry: true},
		auth.CodeUnavailable:     {status: http.StatusServiceUnavailable, message: text("Service Unavailable"), retry: true},
		auth.CodeInternal:        internal(),
	}, reasons: map[auth.Reason]row{
		auth.ReasonTokenMissing:       {status: http.StatusBadRequest, message: text("missing or malformed jwt")},
		auth.ReasonTokenInvalid:       {status: http.StatusUnauthorized, message: tokenMessage},
		auth.ReasonTokenExpired:       {status: http.StatusUnauthorized, message: tokenMessage},
		auth.ReasonTokenBlacklisted:   blacklisted(),
		auth.ReasonTokenReused:        blacklisted(),
		auth.ReasonSessionRevoked:     blacklisted(),
		auth.ReasonSessionExpired:     blacklisted(),
		auth.ReasonSessionUnknown:     {status: http.StatusInternalServerError, message: unknownMessage},
		auth.ReasonUserDisabled:       blacklisted(),
		auth.ReasonAccountDeleting:    blacklisted(),
		auth.ReasonInvalidCredentials: blacklisted(),
		auth.ReasonEmailUnverified:    blacklisted(),
		auth.ReasonStepUpRequired:     {status: http.StatusForbidden, message: text("Forbidden")}, // clients log people out on the others
	}}
}

// answer returns the answer that the error's row describes.
func (t table) answer(e *auth.Error) answer {
	row := t.row(e)
	a := answer{
		status:    row.status,
		envelope:  envelope{Message: row.message(e)},
		challenge: row.status == http.StatusUnauthorized,
	}
	if row.retry {
		a.retryAfter = e.RetrySeconds()
	}
	return a
}

// row returns the row of an error. For a code that is not in the table it returns
// the row of an internal error.
func (t table) row(e *auth.Error) row {
	if e.Code == auth.CodeUnauthenticated {
		if r, ok := t.reasons[e.Reason]; ok {
			return r
		}
	}
	if r, ok := t.codes[e.Code]; ok {
		return r
	}
	return internal()
}

func blacklisted() row {
	return row{status: http.StatusInternalServerError, message: text(blacklistedMessage)}
}

func internal() row {
	return row{status: http.StatusInternalServerError, message: text("Internal Server Error")}
}

// own returns the error's own message, which is safe to show.
func own(e *auth.Error) string { return bounded(e.Message) }

func text(s string) func(*auth.Error) string {
	return func(*auth.Error) string { return s }
}

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
