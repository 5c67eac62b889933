package web

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/klauspost/compress/gzhttp"

	"rekey/internal/auth"
)

// Headers sets the headers of every answer before the handler runs: those of
// the legacy service, and no-store, because answers contain tokens. A handler
// may replace a value for a page of its own.
func Headers(proxies Proxies, next http.Handler) http.Handler {
	// All answers share the values: net/http does not change them in place, and
	// appending to one copies it.
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

// Gzip compresses every body for clients that accept gzip, whatever its size
// and type, as the legacy service did. It leaves answers without a body alone,
// and streams of events, because each event must arrive when it happens.
//
// Compressing a secret beside text that an attacker chooses can reveal the
// secret by the length (BREACH), if somebody who cannot read the answer can
// request the same secret many times. Here every rotation answers a new secret,
// and a page of another origin cannot make the browser add the bearer token.
// gzhttp's random padding is therefore off. It would be needed if answers to
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
		// The legacy service's order, in place of what gzhttp has just added.
		w.Header()["Vary"] = []string{"Accept-Encoding", "Origin"}
		next.ServeHTTP(w, r)
	}))
}

// The headers that report limits to clients
// (draft-ietf-httpapi-ratelimit-headers-10): the limits, and what is left.
const (
	policyHeader = "RateLimit-Policy"
	quotaHeader  = "RateLimit"
)

// setQuotas sets the headers for the limits that have counted the request.
func setQuotas(h http.Header, quotas []auth.Quota) {
	if len(quotas) == 0 {
		return
	}
	seconds := func(d time.Duration) string { return strconv.Itoa(auth.CeilSeconds(d)) }
	var policy, left []string
	for _, q := range quotas {
		name := strconv.Quote(q.Limit.Name) // a structured field's string: names are ASCII
		window := time.Duration(float64(q.Limit.Burst) / q.Limit.Rate * float64(time.Second))
		policy = append(policy, name+";q="+strconv.Itoa(q.Limit.Burst)+";w="+seconds(window))
		left = append(left, name+";r="+strconv.Itoa(max(0, q.Remaining))+";t="+seconds(q.Reset))
	}
	h.Set(policyHeader, strings.Join(policy, ", "))
	h.Set(quotaHeader, strings.Join(left, ", "))
	if exposed := h.Get("Access-Control-Expose-Headers"); exposed != "" {
		h.Set("Access-Control-Expose-Headers", exposed+", "+quotaHeader+", "+policyHeader)
	}
}
