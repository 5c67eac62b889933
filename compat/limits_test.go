package compat

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/limit"
)

const (
	rate  = 10 // a second
	burst = 30
)

func limited(_ *testing.T, o *settings) {
	o.limiter = func(c *clock) auth.Limiter { return limit.NewMemory(1000, c.Now) }
}

// TestContract_RateLimit refuses what is over the limit in the transport's own
// form: verified tokens by session, all else by the client's address.
func TestContract_RateLimit(t *testing.T) {
	test := func(t *testing.T, s *stack) {
		t.Run("a verified token by its session", func(t *testing.T) {
			l := s.login(t)
			s.exhaust(t, unknownPath, bearer(l.refresh), http.StatusNotFound)
			before := l.state()
			checkLimited(t, s.send(t, "GET", refreshPath, bearer(l.refresh), ""))
			if l.state().Generation != before.Generation {
				t.Error("rotated over the limit")
			}
			checkGuard(t, s, s.login(t).refresh, http.StatusNotFound)
			s.clock.set(s.clock.Now().Add(time.Second / rate))
			checkGuard(t, s, l.refresh, http.StatusNotFound)
		})
		t.Run("no token by its address", func(t *testing.T) {
			s.clock.set(s.clock.Now().Add(time.Hour))
			from := func(address string) http.Header { return http.Header{"X-Forwarded-For": {address}} }
			s.exhaust(t, refreshPath, from("192.0.2.1"), http.StatusBadRequest)
			checkLimited(t, s.send(t, "GET", refreshPath, from("192.0.2.1"), ""))
			checkLimited(t, s.send(t, "GET", unknownPath, from("192.0.2.1"), ""))
			page := from("192.0.2.1")
			page.Set("Origin", "https://app.example")
			if got := s.send(t, "GET", refreshPath, page, "").header["Access-Control-Expose-Headers"]; !slices.Equal(got, []string{"Retry-After, X-Request-ID, WWW-Authenticate"}) {
				t.Errorf("to a page: %q", got)
			}
			if res := s.send(t, "GET", refreshPath, from("192.0.2.2"), ""); res.status != http.StatusBadRequest {
				t.Errorf("another address: %d", res.status)
			}
		})
		t.Run("a token that does not verify by its address", func(t *testing.T) {
			s.clock.set(s.clock.Now().Add(time.Hour))
			for i := range burst {
				h := bearer(fmt.Sprintf("%d.b.c", i))
				if res := s.send(t, "GET", refreshPath, h, ""); res.status != http.StatusUnauthorized {
					t.Fatalf("request %d: %d", i, res.status)
				}
			}
			checkLimited(t, s.send(t, "GET", refreshPath, bearer("a.b.c"), ""))
		})
	}
	onEachEngine(t, test, limited)
}

// exhaust makes as many requests as the limit lets through.
func (s *stack) exhaust(t *testing.T, path string, h http.Header, status int) {
	t.Helper()
	for i := range burst {
		if res := s.send(t, "GET", path, h, ""); res.status != status {
			t.Fatalf("request %d: %d %s", i, res.status, res.body)
		}
	}
}

func checkLimited(t *testing.T, res response) {
	t.Helper()
	if e := res.envelopeOf(t); res.status != http.StatusTooManyRequests || e.Message != "Too many requests" {
		t.Errorf("%d %s", res.status, res.body)
	}
	if got := res.header.Get("Retry-After"); got != "1" {
		t.Errorf("Retry-After %q", got)
	}
	checkHeaders(t, res)
}
