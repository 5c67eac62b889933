package app

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

// TestRoutes_methods: each path is served to the methods that it has. Every other
// method is refused, TRACE above all: no answer repeats what was sent, and nothing
// changes. Below /auth/, the legacy service's 404 refuses them.
func TestRoutes_methods(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	pair := s.signUp("ada@example.com")
	const read = "GET, HEAD"
	served := map[string]string{ // path → Allow
		"/graphql": "GET, POST, OPTIONS", "/livez": read, "/readyz": read, "/schema.graphql": read, "/.well-known/jwks.json": read,
		"/.well-known/oauth-authorization-server": "", "/oauth/introspect": "POST", "/oauth/revoke": "POST", "/oauth/token": "POST",
		"/": read, "/nowhere": "", "/auth/refresh": "GET", "/auth/public-key": "GET", "/auth/nowhere": "",
	}
	for path, allow := range served {
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "QUERY", "get"} {
			if slices.Contains(strings.Split(allow, ", "), method) || method == "OPTIONS" && strings.HasPrefix(path, "/auth/") {
				continue
			}
			res, body := s.request(method, path, "secret-body", "Authorization", "Bearer "+pair.refresh, "X-Secret", "secret-header")
			want := http.StatusMethodNotAllowed
			if allow == "" || path == "/" || strings.HasPrefix(path, "/auth/") {
				want = http.StatusNotFound
			}
			if res.StatusCode != want || want == http.StatusMethodNotAllowed && res.Header.Get("Allow") != allow {
				t.Errorf("%s %s: %d, Allow %q, want %d, Allow %q", method, path, res.StatusCode, res.Header.Get("Allow"), want, allow)
			}
			if strings.Contains(body, "secret-") || strings.Contains(body, pair.refresh) {
				t.Errorf("%s %s: the answer repeats the request: %s", method, path, body)
			}
		}
	}
	if out := refreshREST(s, pair.refresh, ""); out.problem != "" { // it was not used
		t.Errorf("the refresh token afterwards: %s", out.problem)
	}
}

// TestRoutes_headers: a browser that shows an answer of the service does not run,
// load or frame anything, and sends no referrer. The legacy route keeps its headers.
func TestRoutes_headers(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	for _, path := range []string{"/graphql", "/livez", "/readyz", "/schema.graphql", "/.well-known/jwks.json", "/oauth/introspect", "/nowhere", "/"} {
		res, _ := s.request("GET", path, "")
		policy := res.Header.Get("Content-Security-Policy")
		for _, part := range []string{"default-src 'none'", "base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, part) {
				t.Errorf("%s: no %s in %q", path, part, policy)
			}
		}
		if res.Header.Get("Referrer-Policy") != "no-referrer" || res.Header.Get("X-Content-Type-Options") != "nosniff" || res.Header.Get("Content-Type") == "" {
			t.Errorf("%s: %v", path, res.Header)
		}
		if path != "/" && strings.Contains(res.Header.Get("Content-Type"), "html") {
			t.Errorf("%s is HTML", path)
		}
	}
	if res, _ := s.request("GET", "/auth/refresh", ""); res.Header.Get("Content-Security-Policy") != "default-src 'self' 'unsafe-inline'" {
		t.Errorf("the legacy route: %v", res.Header)
	}
}
