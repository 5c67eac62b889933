package web

import "net/http"

// Headers sets what every answer carries, before the handler runs: the legacy
// service's set, and no-store, since answers hold tokens. A handler may replace
// a value for a page of its own.
func Headers(proxies Proxies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		setVary(h)
		h.Set("Content-Security-Policy", "default-src 'self' 'unsafe-inline'")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "SAMEORIGIN")
		h.Set("X-XSS-Protection", "1; mode=block")
		h.Set("Cache-Control", "no-store")
		if proxies.HTTPS(r) {
			h.Set("Strict-Transport-Security", "max-age=3600; includeSubdomains")
		}
		next.ServeHTTP(w, r)
	})
}

// setVary sets the two values of every answer, in the legacy service's order,
// in place of whatever is there.
func setVary(h http.Header) { h["Vary"] = []string{"Accept-Encoding", "Origin"} }
