package web

import "net/http"

// MaxBodyBytes is how long a request's body may be.
const MaxBodyBytes = 64 << 10

// BodyLimit lets handlers read at most n bytes of a body; reading on fails
// with *http.MaxBytesError, which a door answers in its own form. It must be
// outside of whatever wraps the writer: net/http then also closes the
// connection, and does not read the rest.
func BodyLimit(n int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, n)
		next.ServeHTTP(w, r)
	})
}
