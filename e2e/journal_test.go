package e2e

import (
	"net/http"
	"strings"
	"testing"
)

// securityEvent is an event as the user sees it.
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

// TestJournal_whySignedOut: a thief uses a stolen token, the session is revoked,
// and its owner can find out by whom.
func TestJournal_whySignedOut(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "TRUSTED_PROXIES": "127.0.0.1", "REUSE_WINDOW": "0s"})
	c := httpClient()
	stolen := signUp(t, c, p.URL, "ada@example.com")
	token := stolen.Refresh
	for range 2 {
		a, err := refresh(c, graphqlTransport, p.URL, token, "")
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
	thief.Header.Set("X-Forwarded-For", "192.0.2.66, 203.0.113.9") // the first address is invented
	res, err := c.Do(thief)
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if a, err := refresh(c, restTransport, p.URL, token, ""); err != nil || a.Problem == "" {
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
		t.Errorf("the request was %s, but the event names %s", id, orNull(reuse.RequestID))
	}
}

// TestJournal_operator: the journal records the operator who runs a command. The
// user sees that it was an operator.
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
	var page struct {
		Events []struct {
			ID, Kind, Actor string
			UserID          *string
		}
		EndCursor *string
	}
	ask(t, env, "", "events", "list", "--kind", "user_enabled", "--kind", "user_disabled", "--since", "1h", "--limit", "1", "--json").into(t, &page)
	if len(page.Events) != 1 || page.Events[0].Kind != "user_enabled" || !strings.HasPrefix(page.Events[0].Actor, "cli:") || page.EndCursor == nil {
		t.Fatalf("events list: %+v", page)
	}
	ask(t, env, "", "events", "list", "--user", "ada@example.com", "--after", *page.EndCursor, "--json").into(t, &page)
	if len(page.Events) != 2 || page.Events[0].Kind != "user_disabled" || page.Events[1].Kind != "sign_up" || page.EndCursor != nil {
		t.Errorf("events list --user: %+v", page)
	}
	if text := ask(t, env, "", "events", "list", "--kind", "key_added"); text.code != 0 || strings.Count(text.out, "key_added") != 6 {
		t.Errorf("the keys of the start, and those of keys rotate: %d\n%s", text.code, text.out)
	}
	for _, wrong := range [][]string{{"--kind", "key_aded"}, {"--since", "yesterday"}, {"--limit", "0"}, {"--after", "x"}, {"x"}} {
		if got := ask(t, env, "", append([]string{"events", "list"}, wrong...)...); got.code != 2 {
			t.Errorf("%v: exit code %d\n%s", wrong, got.code, got.err)
		}
	}
	if got := ask(t, env, "", "events", "list", "--since", "2100-01-01T00:00:00Z", "--json"); got.out != `{"events":[],"endCursor":null}`+"\n" {
		t.Errorf("of the future: %s", got.out)
	}
}
