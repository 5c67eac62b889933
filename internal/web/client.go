package web

import (
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"rekey/internal/auth"
)

// maxUserAgentBytes is how much of a user agent is kept with a session.
const maxUserAgentBytes = 256

// Client puts who is calling into the request's context (auth.ClientFrom), and
// the request's id into the answer. Which door it is, the door adds.
func Client(proxies Proxies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		client := auth.Client{
			UserAgent: cleanUserAgent(r.UserAgent()),
			RequestID: requestID(r),
		}
		if addr := proxies.ClientAddress(r); addr.IsValid() {
			client.Address = addr.String()
		}
		w.Header().Set(requestIDHeader, client.RequestID)
		next.ServeHTTP(w, r.WithContext(auth.WithClient(r.Context(), client)))
	})
}

// cleanUserAgent makes a user agent fit for a list of sessions and for logs:
// valid UTF-8, nothing invisible that could reorder or break a line, bounded.
func cleanUserAgent(s string) string {
	s = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return -1
		}
		return r
	}, s)
	return truncated(s, maxUserAgentBytes)
}

// truncated cuts s to at most n bytes, between two characters.
func truncated(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}
