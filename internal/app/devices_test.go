package app

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// device holds the user agent and the address of a client.
type device struct{ UserAgent, IPAddress string }

// refreshOn refreshes by one of the transports, on a device. It returns the new
// refresh token, if there is one.
func (s *stack) refreshOn(d transport, on device, token, key string) string {
	s.t.Helper()
	s.sent(key)
	method, path, body := http.MethodGet, "/auth/refresh", ""
	if d.name == "GraphQL" {
		method, path, body = http.MethodPost, "/graphql", `{"query": "mutation { refreshToken { token refreshToken session { userAgent ipAddress } } }"}`
	}
	req, err := http.NewRequestWithContext(s.t.Context(), method, s.url+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	for name, value := range map[string]string{
		"User-Agent": on.UserAgent, "X-Forwarded-For": on.IPAddress, "Authorization": "Bearer " + token, "Content-Type": "application/json",
	} {
		req.Header.Set(name, value)
	}
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	var answer struct {
		Payload struct {
			RefreshToken string `json:"refresh_token"`
		}
		Data struct {
			RefreshToken struct {
				RefreshToken string
				Session      device
			}
		}
	}
	s.send(req, &answer)
	if told := answer.Data.RefreshToken; d.name == "GraphQL" && told.RefreshToken != "" && key == "" && told.Session != on {
		s.t.Errorf("the answer has %+v, want %+v", told.Session, on)
	}
	return answer.Payload.RefreshToken + answer.Data.RefreshToken.RefreshToken
}

// isOn requires that the only session of ada is on a device, as users and
// operators see it.
func (s *stack) isOn(what string, want device) {
	s.t.Helper()
	list, err := s.app.core.UserSessions(s.t.Context(), "ada@example.com", 10)
	if err != nil || len(list) != 1 {
		s.t.Fatalf("%d sessions, %v", len(list), err)
	}
	if got := (device{list[0].UserAgent, list[0].IPAddress}); got != want {
		s.t.Errorf("%s: the session is on %+v, want %+v", what, got, want)
	}
}

// TestDevices: a session shows the device that refreshed it last. A repeated or
// refused refresh changes nothing.
func TestDevices(t *testing.T) {
	for _, e := range engines()[:2] {
		for _, d := range transports() {
			t.Run(fmt.Sprintf("%s, %s", e.name, d.name), func(t *testing.T) {
				s := newStack(t, e, map[string]string{"TRUSTED_PROXIES": "127.0.0.0/8"})
				first := s.signUp("ada@example.com").refresh
				home, train, thief := device{"Firefox/140", "192.0.2.7"}, device{"Firefox/141", "2001:db8::7"}, device{"curl", "203.0.113.9"}
				second := s.refreshOn(d, home, first, "")
				s.isOn("a refresh", home)
				const key = "a-key-of-16-and-more"
				third := s.refreshOn(d, train, second, key)
				s.isOn("a refresh elsewhere", train)
				if again := s.refreshOn(d, home, second, key); again != third || third == "" {
					t.Errorf("the same key gets %.20q, want %.20q", again, third)
				}
				s.isOn("the same refresh again", train)
				if got := s.refreshOn(d, thief, second, ""); got != "" {
					t.Error("a used token is taken")
				}
				s.isOn("a race", train)
				s.advance(time.Minute)
				if got := s.refreshOn(d, thief, first, ""); got != "" {
					t.Error("an old token is taken")
				}
				if n := s.number(`SELECT count(*) FROM sessions WHERE user_agent = 'Firefox/141' AND ip_address = '2001:db8::7' AND revoked_reason = 'reuse'`); n != 1 {
					t.Errorf("after a reuse %d sessions are as they were", n)
				}
			})
		}
	}
}
