package web

import (
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzhttp"
)

// Gzip compresses every body for clients that accept gzip, whatever its size
// and type, as the legacy service did; answers without a body are left alone,
// and so are streams of events: each is to arrive when it happens.
//
// Compressing secrets beside text of an attacker's choice can leak them by
// length (BREACH), when the same secret is asked for again and again by
// someone who cannot read it. Here every rotation answers a new secret, and a
// page of another origin cannot make the browser add the bearer token. So
// gzhttp's random padding is left off; it would be needed if answers to
// requests with cookies repeated a secret.
func Gzip(next http.Handler) http.Handler {
	compress, err := gzhttp.NewWrapper(
		gzhttp.MinSize(1), // 0 would compress empty bodies
		gzhttp.EnableZstd(false),
		gzhttp.ContentTypeFilter(func(contentType string) bool {
			return !strings.HasPrefix(contentType, "text/event-stream")
		}),
	)
	if err != nil {
		panic("web: gzip options: " + err.Error()) // they are constants
	}
	return compress(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		setVary(w.Header()) // gzhttp has just added its own
		next.ServeHTTP(w, r)
	}))
}
