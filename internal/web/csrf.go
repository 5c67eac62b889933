package web

import (
	"net/http"

	"rekey/internal/auth"
)

// CheckOrigin refuses what a page of a foreign origin makes a browser send
// (net/http's CrossOriginProtection): POST and the like, unless the page is of
// this service's own origin or of one of the trusted. "*" trusts none. What no
// browser sent passes, and so do GET, HEAD and OPTIONS, which must change
// nothing. The error is an *auth.Error.
func CheckOrigin(r *http.Request, trusted []string) error {
	if err := new(http.CrossOriginProtection).Check(r); err == nil {
		return nil
	}
	origin := r.Header.Get("Origin")
	if allowed := allowedOrigin(trusted, origin); allowed != "" && allowed != anyOrigin {
		return nil
	}
	return &auth.Error{Code: auth.CodeForbidden, Message: "pages of this origin may not call: CORS_ORIGINS does not name it"}
}
