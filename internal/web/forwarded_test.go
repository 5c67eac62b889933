package web_test

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"rekey/internal/web"
)

// TestWarnOfIgnored: one line says that a proxy is not trusted, or that it sends
// another header, however many requests there are. Every request is counted.
func TestWarnOfIgnored(t *testing.T) {
	const notTrusted, otherHeader = "add it to TRUSTED_PROXIES", "let the proxy send X-Forwarded-For"
	for name, tt := range map[string]struct {
		peer    string
		headers []string
		advice  string
		header  string
	}{
		"untrusted":                    {"192.0.2.1:1", []string{"X-Forwarded-For"}, notTrusted, "X-Forwarded-For"},
		"untrusted on this machine":    {"127.0.0.1:1", []string{"X-Forwarded-For"}, notTrusted, "X-Forwarded-For"},
		"untrusted over IPv6":          {"[2001:db8::1]:1", []string{"X-Forwarded-For"}, notTrusted, "X-Forwarded-For"},
		"untrusted, Forwarded":         {"192.0.2.1:1", []string{"Forwarded"}, notTrusted, "Forwarded"},
		"untrusted, X-Real-IP":         {"192.0.2.1:1", []string{"X-Real-IP"}, notTrusted, "X-Real-Ip"},
		"trusted, only Forwarded":      {"10.0.0.1:1", []string{"Forwarded"}, otherHeader, "Forwarded"},
		"trusted, only X-Real-IP":      {"10.0.0.1:1", []string{"X-Real-IP"}, otherHeader, "X-Real-Ip"},
		"trusted":                      {"10.0.0.1:1", []string{"X-Forwarded-For"}, "", ""},
		"trusted, with other headers":  {"10.0.0.1:1", []string{"X-Forwarded-For", "X-Real-IP", "Forwarded"}, "", ""},
		"trusted, without any":         {"10.0.0.1:1", nil, "", ""},
		"no proxy":                     {"192.0.2.1:1", nil, "", ""},
		"untrusted, only the protocol": {"192.0.2.1:1", []string{"X-Forwarded-Proto"}, "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			counted, served := 0, 0
			h := web.WarnOfIgnored(web.Proxies{netip.MustParsePrefix("10.0.0.0/8")}, slog.New(slog.NewTextHandler(&log, nil)), func() { counted++ },
				http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served++ }))
			for range 3 {
				r := httptest.NewRequest(http.MethodGet, "/", nil)
				r.RemoteAddr = tt.peer
				for _, header := range tt.headers {
					r.Header.Set(header, "198.51.100.7\nx")
				}
				h.ServeHTTP(httptest.NewRecorder(), r)
			}
			want := 0
			if tt.advice != "" {
				want = 3
			}
			if counted != want || served != 3 || strings.Count(log.String(), "level=WARN") != min(1, want) {
				t.Errorf("counted %d, served %d: %s", counted, served, log.String())
			}
			if want > 0 && (!strings.Contains(log.String(), tt.advice) || !strings.Contains(log.String(), "header="+tt.header+" ") || !strings.Contains(log.String(), "peer=")) {
				t.Errorf("log: %s", log.String())
			}
			if strings.Contains(log.String(), "198.51.100.7") {
				t.Errorf("the log repeats what a client sent: %s", log.String())
			}
		})
	}
}
