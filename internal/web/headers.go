package web

import (
	"maps"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rekey/internal/auth"
)

// apiPolicy is the policy of answers that are not pages: a browser that shows one
// loads nothing, runs nothing and does not frame it.
const apiPolicy = "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; sandbox"

// Headers sets the headers of every answer before the handler runs: those of
// the legacy service, and no-store, because answers contain tokens. Answers at
// paths that are not legacy get a stricter policy. legacy may be nil: then all are.
// A handler may replace a value for a page of its own.
func Headers(proxies Proxies, legacy func(path string) bool, next http.Handler) http.Handler {
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
	stricter := http.Header{
		"Content-Security-Policy": {apiPolicy},
		"Referrer-Policy":         {"no-referrer"},
		"X-Frame-Options":         {"DENY"},
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		maps.Copy(h, always)
		if legacy != nil && !legacy(r.URL.EscapedPath()) {
			maps.Copy(h, stricter)
		}
		if proxies.HTTPS(r) {
			h.Set("Strict-Transport-Security", "max-age=3600; includeSubdomains")
		}
		next.ServeHTTP(w, r)
	})
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
