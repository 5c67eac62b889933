package web

import (
	"net/http"
	"slices"
	"strings"
)

const (
	anyOrigin     = "*"
	allowMethods  = "OPTIONS,HEAD,GET,PUT,POST,DELETE"
	allowHeaders  = "Origin,Content-Type,Accept,X-Request-ID,Authorization,Idempotency-Key"
	exposeHeaders = "Retry-After, X-Request-ID, WWW-Authenticate"
)

// CORS answers preflights (OPTIONS with an Origin) with 204, and lets pages of
// the given origins read answers; "*" is any. With credentials, pages of an
// origin that is listed may have cookies sent along; "*" lists none.
//
// It is not rs/cors because clients know the legacy service's exact lists:
// rs/cors answers a preflight with the method and the headers that were asked
// for, only when Access-Control-Request-Method is there, and adds to Vary.
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

// allowedOrigin is the Access-Control-Allow-Origin for a request's origin;
// empty when the request has none, or one that is not allowed.
func allowedOrigin(origins []string, origin string) string {
	if origin == "" {
		return ""
	}
	if slices.Contains(origins, anyOrigin) {
		return anyOrigin
	}
	same := func(o string) bool { return strings.EqualFold(o, origin) }
	if slices.ContainsFunc(origins, same) {
		return origin
	}
	return ""
}
