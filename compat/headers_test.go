package compat

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
	"testing"
)

// everywhere are the headers of every answer, as the contract has them.
func everywhere() map[string][]string {
	return map[string][]string{
		"Content-Type":            {"application/json; charset=UTF-8"},
		"Content-Security-Policy": {"default-src 'self' 'unsafe-inline'"},
		"Vary":                    {"Accept-Encoding", "Origin"},
		"X-Content-Type-Options":  {"nosniff"},
		"X-Frame-Options":         {"SAMEORIGIN"},
		"X-Xss-Protection":        {"1; mode=block"},
		"Cache-Control":           {"no-store"},
	}
}

// checkHeaders fails unless an answer to a plain request has exactly the
// headers that the contract names.
func checkHeaders(t *testing.T, res response) {
	t.Helper()
	want := everywhere()
	addByStatus(want, res.status)
	checkExactly(t, res.header, want)
}

// checkHead checks the headers of an answer to HEAD, which describe no body.
func checkHead(t *testing.T, res response) {
	t.Helper()
	want := everywhere()
	addByStatus(want, res.status)
	if got := res.header["Content-Type"]; got != nil {
		t.Errorf("Content-Type: %q", got)
	}
	for name, values := range want {
		if name != "Content-Type" && !slices.Equal(res.header[name], values) {
			t.Errorf("%s: got %q, want %q", name, res.header[name], values)
		}
	}
}

func addByStatus(want map[string][]string, status int) {
	switch status {
	case http.StatusUnauthorized:
		want["Www-Authenticate"] = []string{"Bearer"}
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		want["Retry-After"] = []string{"1"}
	}
}

// checkExactly compares headers, those aside that any HTTP server sends and
// the request id.
func checkExactly(t *testing.T, header http.Header, want map[string][]string) {
	t.Helper()
	got := maps.Clone(header)
	for _, name := range []string{"Date", "Content-Length", "X-Request-Id"} {
		if len(got[name]) != 1 {
			t.Errorf("%s: %q", name, got[name])
		}
		delete(got, name)
	}
	for name := range want {
		if !slices.Equal(got[name], want[name]) {
			t.Errorf("%s: got %q, want %q", name, got[name], want[name])
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("headers that the contract does not name: %v", got)
	}
}

// TestContract_Headers asks for what changes the header set, for each kind of
// answer.
func TestContract_Headers(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *stack) {
		l := s.login(t)
		answers := map[string]struct {
			path   string
			header http.Header
		}{
			"201":         {refreshPath, bearer(s.login(t).refresh)},
			"400":         {refreshPath, http.Header{}},
			"401":         {refreshPath, bearer(l.access)},
			"404":         {unknownPath, bearer(l.refresh)},
			"404 outside": {"/nothing", http.Header{}},
			"500":         {refreshPath, bearer(l.sign(func(c *tokenClaims) { c.User.Auth = nil }))},
		}
		for name, a := range answers {
			t.Run(name, func(t *testing.T) {
				h := a.header.Clone()
				h.Set("Origin", "https://app.example")
				h.Set("X-Forwarded-Proto", "https")
				h.Set("Accept-Encoding", "gzip")
				h.Set("X-Request-ID", "the-request-1")
				res := s.send(t, "GET", a.path, h, "")
				want := everywhere()
				addByStatus(want, res.status)
				want["Content-Encoding"] = []string{"gzip"}
				want["Strict-Transport-Security"] = []string{"max-age=3600; includeSubdomains"}
				want["Access-Control-Allow-Origin"] = []string{"*"}
				want["Access-Control-Expose-Headers"] = []string{"Retry-After, X-Request-ID, WWW-Authenticate"}
				checkExactly(t, res.header, want)
				if got := res.header.Get("X-Request-ID"); got != "the-request-1" {
					t.Errorf("X-Request-ID %q", got)
				}
				if got := strconv.Itoa(res.status); got != name[:3] {
					t.Errorf("status %s", got)
				}
				res.body = gunzip(t, res)
				res.envelopeOf(t)
			})
		}
	})
}

// TestContract_Preflight is answered without a token.
func TestContract_Preflight(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *stack) {
		for _, path := range guarded() {
			res := s.send(t, "OPTIONS", path, http.Header{"Origin": {"https://app.example"}}, "")
			want := map[string]string{
				"Access-Control-Allow-Origin":  "*",
				"Access-Control-Allow-Methods": "OPTIONS,HEAD,GET,PUT,POST,DELETE",
				"Access-Control-Allow-Headers": "Origin,Content-Type,Accept,X-Request-ID,Authorization,Idempotency-Key",
			}
			if vary := res.header.Values("Vary"); !slices.Equal(vary, []string{"Accept-Encoding", "Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}) {
				t.Errorf("Vary: %q", vary)
			}
			for name, value := range want {
				if got := res.header.Get(name); got != value {
					t.Errorf("%s: %q", name, got)
				}
			}
			if res.status != http.StatusNoContent || len(res.body) != 0 {
				t.Errorf("%d %q", res.status, res.body)
			}
		}
	})
}

// TestContract_Options is answered without a token and without a body, as the
// legacy service did, if there is no Origin either.
func TestContract_Options(t *testing.T) {
	onEachEngine(t, func(t *testing.T, s *stack) {
		for _, path := range guarded() {
			res := s.send(t, "OPTIONS", path, nil, "")
			if res.status != http.StatusNoContent || len(res.body) != 0 || res.header.Get("Content-Type") != "" {
				t.Errorf("%s: %d %q", path, res.status, res.body)
			}
		}
	})
}

// TestContract_UntrustedProxy takes no X-Forwarded-Proto from strangers.
func TestContract_UntrustedProxy(t *testing.T) {
	noProxies := func(_ *testing.T, o *settings) { o.proxies = nil }
	onEachEngine(t, func(t *testing.T, s *stack) {
		res := s.send(t, "GET", refreshPath, http.Header{"X-Forwarded-Proto": {"https"}}, "")
		checkHeaders(t, res)
	}, noProxies)
}
