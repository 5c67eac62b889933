package e2e

import (
	"net/http"
	"testing"
)

// securityEvent is what a user is told.
type securityEvent struct {
	Kind, Actor                                      string
	Reason, SessionID, Address, UserAgent, RequestID *string
	SessionsEnded                                    int
}

func securityEvents(t *testing.T, c *http.Client, base, access string) []securityEvent {
	t.Helper()
	var data struct {
		SecurityEvents struct {
			Edges []struct{ Node securityEvent }
		}
	}
	problem, _, err := graphql(c, base, access,
		`{ securityEvents(first: 50) { edges { node { kind actor reason sessionId sessionsEnded address userAgent requestId } } } }`, nil, &data)
	if err != nil || problem != "" {
		t.Fatalf("securityEvents: %v %s", err, problem)
	}
	events := make([]securityEvent, len(data.SecurityEvents.Edges))
	for i, e := range data.SecurityEvents.Edges {
		events[i] = e.Node
	}
	return events
}

func orNull(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

// TestJournal_whySignedOut: somebody uses a stolen token, the session ends, and
// its owner finds out who that was.
func TestJournal_whySignedOut(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "TRUSTED_PROXIES": "127.0.0.1"})
	c := httpClient()
	stolen := signUp(t, c, p.URL, "ada@example.com")
	token := stolen.Refresh
	for range 2 {
		a, err := refresh(c, graphqlDoor, p.URL, token, "")
		if err != nil || a.Problem != "" {
			t.Fatalf("refresh: %v %s", err, a.Problem)
		}
		token = a.Refresh
	}
	thief, err := http.NewRequest(http.MethodGet, p.URL+"/auth/refresh", nil)
	if err != nil {
		t.Fatal(err)
	}
	thief.Header.Set("Authorization", "Bearer "+stolen.Refresh)
	thief.Header.Set("User-Agent", "thief/1.0")
	thief.Header.Set("X-Forwarded-For", "192.0.2.66, 203.0.113.9") // the first is made up
	res, err := c.Do(thief)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if a, err := refresh(c, restDoor, p.URL, token, ""); err != nil || a.Problem == "" {
		t.Fatalf("the session goes on: %v", err)
	}
	again := logIn(t, c, p.URL, "ada@example.com")
	events := securityEvents(t, c, p.URL, again.Access)
	if len(events) != 3 || events[0].Kind != "LOGIN" || events[1].Kind != "REFRESH_REUSE" || events[2].Kind != "SIGN_UP" {
		t.Fatalf("events: %+v", events)
	}
	reuse := events[1]
	if orNull(reuse.Address) != "203.0.113.9" || orNull(reuse.UserAgent) != "thief/1.0" || orNull(reuse.Reason) != "revoke" ||
		reuse.SessionsEnded != 1 || reuse.Actor != "CLIENT" || orNull(reuse.SessionID) != orNull(events[2].SessionID) {
		t.Errorf("the thief: %+v", reuse)
	}
	if id := res.Header.Get("X-Request-ID"); id == "" || orNull(reuse.RequestID) != id {
		t.Errorf("the request was %s, and is told to have been %s", id, orNull(reuse.RequestID))
	}
}

// TestJournal_operator: who runs a command is in the journal; the user is told
// that it was the operator.
func TestJournal_operator(t *testing.T) {
	env := map[string]string{"DATA_DIR": t.TempDir()}
	p := start(t, env)
	c := httpClient()
	signUp(t, c, p.URL, "ada@example.com")
	for _, args := range [][]string{{"users", "disable", "ada@example.com"}, {"users", "enable", "ada@example.com"}, {"keys", "rotate"}} {
		if cmd := spawn(t, env, args...); cmd.wait() != 0 {
			t.Fatalf("%v: %s", args, cmd.out)
		}
	}
	events := securityEvents(t, c, p.URL, logIn(t, c, p.URL, "ada@example.com").Access)
	if len(events) != 4 || events[1].Kind != "USER_ENABLED" || events[2].Kind != "USER_DISABLED" || events[2].Actor != "OPERATOR" || events[2].SessionsEnded != 1 {
		t.Errorf("events: %+v", events)
	}
}
