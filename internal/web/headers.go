package web

import (
	"maps"
	"net/http"
)

// Headers sets what every answer carries, before the handler runs: the legacy
// service's set, and no-store, since answers hold tokens. A handler may replace
// a value for a page of its own.
func Headers(proxies Proxies, next http.Handler) http.Handler {
	// One slice for all answers: net/http changes none in place, and what is
	// appended to one goes into a copy.
	always := http.Header{
		"Vary":                    {"Accept-Encoding", "Origin"},
		"Content-Security-Policy": {"default-src 'self' 'unsafe-inline'"},
		"X-Content-Type-Options":  {"nosniff"},
		"X-Frame-Options":         {"SAMEORIGIN"},
		"X-Xss-Protection":        {"1; mode=block"},
		"Cache-Control":           {"no-store"},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		maps.Copy(h, always)
		if proxies.HTTPS(r) {
			h.Set("Strict-Transport-Security", "max-age=3600; includeSubdomains")
		}
		next.ServeHTTP(w, r)
	})
}

// setVary sets the two values of every answer, in the legacy service's order,
// in place of whatever is there.
func setVary(h http.Header) { h["Vary"] = []string{"Accept-Encoding", "Origin"} }
