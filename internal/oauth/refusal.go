package oauth

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"rekey/internal/auth"
)

// The error codes of RFC 6749 section 5.2, RFC 6750 section 3.1 and RFC 7009
// section 2.2.1. The last three are our own, because no RFC defines one.
const (
	invalidRequest    = "invalid_request"
	invalidClient     = "invalid_client"
	invalidToken      = "invalid_token"
	insufficientScope = "insufficient_scope"
	unsupportedToken  = "unsupported_token_type"
	unsupportedGrant  = "unsupported_grant_type"
	rateLimited       = "rate_limited"
	unavailable       = "temporarily_unavailable"
	serverError       = "server_error"
)

// refusal is an answer that reports an error.
type refusal struct {
	status      int
	code        string
	description string
	retryAfter  int // seconds
}

// Error returns the code and the description, as RFC 6749 section 5.2 defines
// them.
func (f refusal) Error() string { return f.code + ": " + f.description }

func badRequest(description string) error {
	return refusal{status: http.StatusBadRequest, code: invalidRequest, description: description}
}

// refuse answers an error.
func (o Options) refuse(w http.ResponseWriter, r *http.Request, scope auth.Scope, err error) {
	var f refusal
	if !errors.As(err, &f) {
		e := auth.AsError(err)
		auth.LogError(r.Context(), o.Logger, auth.TransportOAuth, e)
		f = refusalOf(e)
	}
	h := w.Header()
	switch f.status {
	case http.StatusMethodNotAllowed:
		h.Set("Allow", http.MethodPost)
	case http.StatusUnauthorized:
		h["Www-Authenticate"] = challenges(r)
	case http.StatusForbidden:
		h.Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="rekey", error=%q, scope=%q`, insufficientScope, scope))
	}
	if f.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	write(w, f.status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description,omitempty"`
	}{f.code, f.description})
}

// refusalOf converts an error of the core.
func refusalOf(e *auth.Error) refusal {
	switch e.Code {
	case auth.CodeUnauthenticated:
		return refusal{status: http.StatusUnauthorized, code: invalidClient, description: e.Message}
	case auth.CodeForbidden:
		return refusal{status: http.StatusForbidden, code: insufficientScope, description: e.Message}
	case auth.CodeBadUserInput:
		return refusal{status: http.StatusBadRequest, code: unsupportedToken, description: e.Message}
	case auth.CodeRateLimited:
		return refusal{http.StatusTooManyRequests, rateLimited, e.Message, e.RetrySeconds()}
	case auth.CodeUnavailable:
		return refusal{http.StatusServiceUnavailable, unavailable, e.Message, e.RetrySeconds()}
	default:
		return refusal{status: http.StatusInternalServerError, code: serverError}
	}
}

// challenges returns challenges for the scheme that the client used. It contains
// an error code only if the client sent credentials (RFC 6750 section 3.1).
func challenges(r *http.Request) []string {
	scheme, _, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	switch strings.ToLower(scheme) {
	case "basic":
		return []string{`Basic realm="rekey"`}
	case "bearer":
		return []string{fmt.Sprintf(`Bearer realm="rekey", error=%q`, invalidToken)}
	}
	return []string{`Bearer realm="rekey"`}
}
