package web

import (
	"net/http"
	"slices"
	"strings"

	"rekey/internal/auth"
)

const (
	anyOrigin     = "*"
	allowMethods  = "OPTIONS,HEAD,GET,PUT,POST,DELETE"
	allowHeaders  = "Origin,Content-Type,Accept,X-Request-ID,Authorization,Idempotency-Key"
	exposeHeaders = "Retry-After, X-Request-ID, WWW-Authenticate"
)

// CORS answers preflights (OPTIONS with an Origin) with 204, and lets pages of
// the given origins read answers; "*" is any. With credentials, pages of a
// listed origin may send cookies; "*" lists none.
//
// It replaces rs/cors because clients rely on the legacy service's exact lists.
// rs/cors answers a preflight only if it has Access-Control-Request-Method,
// repeats the method and the headers of the request, and adds to Vary.
func CORS(origins []string, credentials bool, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		origin := r.Header.Get("Origin")
		preflight := origin != "" && r.Method == http.MethodOptions
		allowed := allowedOrigin(origins, origin)
		h := w.Header()
		if allowed != "" {
			h.Set("Access-Control-Allow-Origin", allowed)
		}
		if credentials && allowed != "" && allowed != anyOrigin {
			h.Set("Access-Control-Allow-Credentials", "true")
		}
		switch {
		case allowed != "" && preflight:
			h.Set("Access-Control-Allow-Methods", allowMethods)
			h.Set("Access-Control-Allow-Headers", allowHeaders)
		case allowed != "":
			h.Set("Access-Control-Expose-Headers", exposeHeaders)
		}
		if preflight {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// CheckOrigin refuses requests that a page of a foreign origin makes a browser
// send (net/http's CrossOriginProtection): POST and the like, unless the page
// has this service's own origin or a trusted one. "*" trusts none. Requests
// that no browser sent are accepted, and so are GET, HEAD and OPTIONS, which
// must not change anything. The error is an *auth.Error.
func CheckOrigin(r *http.Request, trusted []string) error {
	if err := new(http.CrossOriginProtection).Check(r); err == nil {
		return nil
	}
	if allowed := allowedOrigin(trusted, r.Header.Get("Origin")); allowed != "" && allowed != anyOrigin {
		return nil
	}
	return &auth.Error{Code: auth.CodeForbidden, Message: "pages of this origin may not call: CORS_ORIGINS does not name it"}
}

// allowedOrigin returns the Access-Control-Allow-Origin for a request's origin.
// It is empty if the request has no origin, or one that is not allowed.
func allowedOrigin(origins []string, origin string) string {
	switch {
	case origin == "":
		return ""
	case slices.Contains(origins, anyOrigin):
		return anyOrigin
	case slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(o, origin) }):
		return origin
	}
	return ""
}
