package web_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"rekey/internal/test/logcheck"
	"rekey/internal/web"
)

// TestAdminServer_host: a page whose name leads to the admin address gets neither
// metrics nor profiles.
func TestAdminServer_host(t *testing.T) {
	server := httptest.NewServer(web.AdminServer(prometheus.NewRegistry(), []string{"metrics.internal", "xn--bcher-kva.example"}, logcheck.Logger(t)).Handler)
	t.Cleanup(server.Close)
	for host, want := range map[string]int{
		"127.0.0.1": 200, "127.0.0.1:9090": 200, "10.1.2.3:9090": 200, "8.8.8.8": 200,
		"[::1]": 200, "[::1]:9090": 200, "[2001:db8::1]:9090": 200,
		"localhost": 200, "localhost:9090": 200, "LOCALHOST:1": 200, "localhost.": 200,
		"metrics.internal": 200, "metrics.internal:9090": 200, "Metrics.Internal.": 200, "xn--bcher-kva.example:9090": 200,

		"attacker.example": 421, "attacker.example:9090": 421, "localhost.attacker.example": 421, "127.0.0.1.nip.io:9090": 421,
		"metrics.internal.attacker.example": 421, "x.metrics.internal": 421, "x.localhost": 421, "localhost..": 421,
		"127.1": 421, "0x7f000001": 421, "2130706433": 421, "[attacker.example]": 421, "attacker.example:localhost": 421,
		"localhost:9090:x": 421,
	} {
		for _, path := range []string{"/metrics", "/debug/pprof/cmdline", "/nothing"} {
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Host = host
			res, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			_ = res.Body.Close()
			if res.Header.Get("X-Content-Type-Options") != "nosniff" || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%s has the headers %v", path, res.Header)
			}
			wanted := want
			if want == 200 && path == "/nothing" {
				wanted = 404
			}
			if res.StatusCode != wanted {
				t.Errorf("Host: %s, %s: %d, want %d", host, path, res.StatusCode, wanted)
			}
		}
	}
}

// TestAdminServer_methods: the admin address only reads.
func TestAdminServer_methods(t *testing.T) {
	h := web.AdminServer(prometheus.NewRegistry(), nil, logcheck.Logger(t)).Handler
	for _, path := range []string{"/metrics", "/debug/pprof/", "/debug/pprof/cmdline"} {
		for method, want := range map[string]int{"GET": 200, "HEAD": 200, "POST": 405, "PUT": 405, "DELETE": 405, "OPTIONS": 405, "TRACE": 405, "QUERY": 405} {
			r := httptest.NewRequest(method, path, strings.NewReader("secret-body"))
			r.Host = "localhost"
			r.Header.Set("X-Secret", "secret-header")
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			if w.Code != want || strings.Contains(w.Body.String(), "secret-") {
				t.Errorf("%s %s: %d %s", method, path, w.Code, w.Body)
			}
		}
	}
}

// TestAdminServer_noHost: HTTP/1.0 does not require a host.
func TestAdminServer_noHost(t *testing.T) {
	w := httptest.NewRecorder()
	r := httptest.NewRequest(http.MethodGet, "/metrics", nil)
	r.Host = ""
	web.AdminServer(prometheus.NewRegistry(), nil, logcheck.Logger(t)).Handler.ServeHTTP(w, r)
	if w.Code != http.StatusMisdirectedRequest || !strings.Contains(w.Body.String(), "ADMIN_HOSTS") {
		t.Errorf("%d %s", w.Code, w.Body)
	}
}
