package app

import (
	"testing"
	"time"
)

// TestMaxSessions: a login over the limit revokes the session that was unused
// for the longest time, with its access token, and no other.
func TestMaxSessions(t *testing.T) {
	for _, e := range engines() {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, map[string]string{"MAX_SESSIONS": "3"})
			other := s.signUp("grace@example.com")
			first := s.signUp("ada@example.com")
			step := func() { s.advance(time.Minute) }
			step()
			second := s.login("ada@example.com")
			step()
			third := s.login("ada@example.com")
			step()
			first = s.mustRefresh(first.refresh)
			step()
			fourth := s.login("ada@example.com")
			if problem := s.access(second.access); problem != "SESSION_REVOKED" {
				t.Errorf("the access token of the session unused for longest: %q", problem)
			}
			if out := refreshGraphQL(s, second.refresh, ""); out.problem != "SESSION_REVOKED" {
				t.Errorf("its refresh token: %q", out.problem)
			}
			for name, live := range map[string]tokens{"used last but one": first, "third": third, "new": fourth, "somebody else's": other} {
				if problem := s.access(live.access); problem != "" {
					t.Errorf("%s: %s", name, problem)
				}
				s.mustRefresh(live.refresh)
			}
			if n := s.number(`SELECT count(*) FROM security_events WHERE kind = 'session_revoked' AND detail = 'limit'`); n != 1 {
				t.Errorf("%d events", n)
			}
		})
	}
}

// TestMaxSessions_own: a login that waited while other sessions were used does
// not revoke its own session.
func TestMaxSessions_own(t *testing.T) {
	for _, e := range engines()[:2] {
		t.Run(e.name, func(t *testing.T) {
			s := newStack(t, e, map[string]string{"MAX_SESSIONS": "1"})
			first := s.signUp("ada@example.com")
			s.advance(20 * time.Second)
			first = s.mustRefresh(first.refresh)
			s.advance(-20 * time.Second) // when the login began
			second := s.login("ada@example.com")
			if problem := s.access(second.access); problem != "" {
				t.Errorf("the session of the login: %s", problem)
			}
			s.mustRefresh(second.refresh)
			if problem := s.access(first.access); problem != "SESSION_REVOKED" {
				t.Errorf("the other session: %q", problem)
			}
		})
	}
}
