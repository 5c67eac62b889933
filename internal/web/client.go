package web

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"rekey/internal/auth"
)

const (
	requestIDHeader   = "X-Request-ID"
	minRequestIDBytes = 8
	maxRequestIDBytes = 64
	// maxUserAgentBytes is how much of a user agent is stored with a session.
	maxUserAgentBytes = 256
)

// Client adds the client to the request's context (auth.ClientFrom), and the
// request's id to the answer. The transport adds its own name later.
func Client(proxies Proxies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// A user agent is shown in a list of sessions and logged: invisible
		// characters could reorder or break a line.
		visible := strings.Map(func(r rune) rune {
			if r == utf8.RuneError || unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
				return -1
			}
			return r
		}, r.UserAgent())
		client := auth.Client{UserAgent: truncated(visible, maxUserAgentBytes)}
		// The caller's id, so that a request can be followed through a proxy,
		// if it can be logged. Otherwise 128 random bits.
		if values := r.Header.Values(requestIDHeader); len(values) == 1 && isRequestID(values[0]) {
			client.RequestID = values[0]
		} else {
			var id [16]byte
			_, _ = rand.Read(id[:]) // never fails: it ends the process instead
			client.RequestID = hex.EncodeToString(id[:])
		}
		if addr := proxies.ClientAddress(r); addr.IsValid() {
			client.Address = addr.String()
		}
		w.Header().Set(requestIDHeader, client.RequestID)
		next.ServeHTTP(w, r.WithContext(auth.WithClient(r.Context(), client)))
	})
}

func isRequestID(s string) bool {
	return len(s) >= minRequestIDBytes && len(s) <= maxRequestIDBytes && !strings.ContainsFunc(s, func(c rune) bool {
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z'
		digit := c >= '0' && c <= '9'
		return !letter && !digit && c != '.' && c != '_' && c != '-'
	})
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
