package web

import (
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
)

// TestLocalOnly: only people on this machine are served, by its own names, and no
// page of another origin reads the answer.
func TestLocalOnly(t *testing.T) {
	trusted := Proxies{netip.MustParsePrefix("127.0.0.2/32")}
	h := Headers(trusted, func(string) bool { return false }, CORS(CORSOptions{Origins: []string{"*"}}, nil, LocalOnly(trusted,
		http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusOK) }))))
	for name, tt := range map[string]struct {
		client, host string
		header       []string
		want         int
	}{
		"IPv4":                        {"127.0.0.1:9", "127.0.0.1:8080", nil, 200},
		"another loopback address":    {"127.9.9.9:9", "localhost", nil, 200},
		"IPv6":                        {"[::1]:9", "[::1]:8080", nil, 200},
		"mapped":                      {"[::ffff:127.0.0.1]:9", "LOCALHOST:8080", nil, 200},
		"a name below localhost":      {"127.0.0.1:9", "app.localhost:8080", nil, 200},
		"the name of a stranger":      {"127.0.0.1:9", "evil.example:8080", nil, 421},
		"a name that begins alike":    {"127.0.0.1:9", "localhost.evil.example", nil, 421},
		"a name that ends alike":      {"127.0.0.1:9", "evillocalhost", nil, 421},
		"the address of an interface": {"127.0.0.1:9", "192.168.1.5:8080", nil, 421},
		"no name":                     {"127.0.0.1:9", "", nil, 421},
		"another machine":             {"192.168.1.9:9", "localhost:8080", nil, 403},
		"a container's gateway":       {"172.17.0.1:9", "localhost:8080", nil, 403},
		"no address":                  {"@", "localhost:8080", nil, 403},
		"behind an unknown proxy":     {"127.0.0.1:9", "localhost", []string{"X-Forwarded-For", "127.0.0.1"}, 403},
		"behind another proxy":        {"127.0.0.1:9", "localhost", []string{"Forwarded", "for=127.0.0.1"}, 403},
		"a trusted proxy, from far":   {"127.0.0.2:9", "localhost", []string{"X-Forwarded-For", "203.0.113.7"}, 403},
		"a trusted proxy, from here":  {"127.0.0.2:9", "localhost", []string{"X-Forwarded-For", "127.0.0.1"}, 200},
		"its own page":                {"127.0.0.1:9", "localhost:8080", []string{"Origin", "http://localhost:8080", "Sec-Fetch-Site", "same-origin"}, 200},
		"a page of another port":      {"127.0.0.1:9", "localhost:8080", []string{"Origin", "http://localhost:3000", "Sec-Fetch-Site", "same-site"}, 403},
		"a page of a stranger":        {"127.0.0.1:9", "localhost:8080", []string{"Origin", "https://evil.example"}, 403},
		"a sandboxed page":            {"127.0.0.1:9", "localhost:8080", []string{"Origin", "null"}, 403},
		"a script of a stranger":      {"127.0.0.1:9", "localhost:8080", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"}, 403},
		"a frame of a stranger":       {"127.0.0.1:9", "localhost:8080", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
		"a link of a stranger":        {"127.0.0.1:9", "localhost:8080", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.RemoteAddr, r.Host = tt.client, tt.host
		for i := 0; i < len(tt.header); i += 2 {
			r.Header.Set(tt.header[i], tt.header[i+1])
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code != tt.want {
			t.Errorf("%s: %d, want %d", name, w.Code, tt.want)
		}
		if allowed := w.Header().Get("Access-Control-Allow-Origin"); allowed != "" || w.Header().Get("Cross-Origin-Resource-Policy") != "same-origin" {
			t.Errorf("%s: pages of the origin %q may read the answer", name, allowed)
		}
	}
}
