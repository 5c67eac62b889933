package main

import (
	"testing"
	"time"
)

// TestMaxSessions: a login over the bound ends the session that was unused for
// longest, its access token included, and no other.
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
