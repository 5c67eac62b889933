package app

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
)

// path is one way of a request through the program.
type path struct {
	method, target, body string
	header               []string // name, value, ...
	status               int
	breaks               func(s *stack) // before the request
	logged               string         // in addition to the line of the access log
}

func graphqlPaths() map[string]path {
	post := func(status int, body string, header ...string) path {
		return path{method: "POST", target: "/graphql", body: body, status: status,
			header: append([]string{"Content-Type", "application/json", "Accept", "application/graphql-response+json"}, header...)}
	}
	broken := post(500, `{"query": "{ me { id } }"}`, "Authorization", "Bearer a.b.c")
	broken.breaks, broken.logged = func(s *stack) { s.ports.tokens.Tokens = nil }, "panic"
	brokenBefore := post(500, `{"query": "{ me { id } }"}`)
	brokenBefore.breaks, brokenBefore.logged = func(s *stack) { s.ports.limiter.Limiter = nil }, "panic"
	refused := post(401, `{"query": "{ me { id } }"}`, "Authorization", "Bearer a.b.c")
	refused.logged = "TOKEN_INVALID"
	return map[string]path{
		"syntax":         post(400, `{"query": "{"}`),
		"validation":     post(400, `{"query": "{ mee }"}`),
		"variables":      post(400, `{"query": "query($t: String!) { isBlacklisted(token: $t) }"}`),
		"operation":      post(400, `{"query": "{ __typename }", "operationName": "x"}`),
		"limits":         post(400, `{"query": "{`+strings.Repeat(" a", 1100)+`}"}`),
		"two guesses":    post(400, `{"query": "mutation { a: logout b: logout }"}`),
		"broken JSON":    post(400, `{"query": `),
		"no query":       post(400, `{}`),
		"too large":      post(413, `{"query": "`+strings.Repeat("a", 70<<10)+`"}`),
		"form":           post(415, `query=x`, "Content-Type", "application/x-www-form-urlencoded"),
		"media type":     post(406, `{"query": "{ __typename }"}`, "Accept", "text/html"),
		"foreign page":   post(403, `{"query": "{ __typename }"}`, "Sec-Fetch-Site", "cross-site"),
		"unauthorized":   refused,
		"panic":          broken,
		"panic before":   brokenBefore,
		"method":         {method: "PUT", target: "/graphql", status: 405},
		"GET a mutation": {method: "GET", target: "/graphql?query=" + url.QueryEscape("mutation { logout }"), status: 405},
		"long URL":       {method: "GET", target: "/graphql?query=" + strings.Repeat("a", 70<<10), status: 414},
	}
}

func otherPaths() map[string]path {
	return map[string]path{
		"good":        {method: "POST", target: "/graphql", body: `{"query": "{ __typename }"}`, header: []string{"Content-Type", "application/json"}, status: 200},
		"options":     {method: "OPTIONS", target: "/graphql", status: 204},
		"preflight":   {method: "OPTIONS", target: "/graphql", header: []string{"Origin", "https://a.example"}, status: 204},
		"nowhere":     {method: "GET", target: "/nowhere", status: 404},
		"REST":        {method: "GET", target: "/auth/refresh", status: 400},
		"REST, wrong": {method: "GET", target: "/auth/refresh", header: []string{"Authorization", "Bearer a.b.c"}, status: 401},
		"REST, panic": {method: "GET", target: "/auth/refresh", header: []string{"Authorization", "Bearer a.b.c"}, status: 500,
			breaks: func(s *stack) { s.ports.tokens.Tokens = nil }, logged: "panic"},
		"live":  {method: "GET", target: "/livez", status: 200},
		"ready": {method: "GET", target: "/readyz", status: 200},
	}
}

// TestRequestID: on every path, the client's request id is in the answer's
// header, in each GraphQL error, and in each log line about the request. Only
// requests that net/http refuses itself have none: malformed HTTP and oversized
// headers.
func TestRequestID(t *testing.T) {
	s := newStack(t, engines()[0], map[string]string{"COOKIE_MODE": "on"})
	number := 0
	for kind, paths := range map[string]map[string]path{"GraphQL": graphqlPaths(), "other": otherPaths()} {
		for name, p := range paths {
			t.Run(kind+" "+name, func(t *testing.T) {
				number++
				id := fmt.Sprintf("request-id-%d.", number)
				header, body := s.walk(t, p, id)
				if got := header.Get("X-Request-ID"); got != id {
					t.Errorf("X-Request-ID = %q, want %q", got, id)
				}
				if kind == "GraphQL" {
					checkErrors(t, body, id)
				}
				checkLog(t, s.log.about(id), p)
			})
		}
	}
	for _, unfit := range []string{"", "short", strings.Repeat("x", 65), "with space", "a\"b\"c\"d\"e"} {
		header, _ := s.walk(t, otherPaths()["good"], unfit)
		if got := header.Get("X-Request-ID"); len(got) != 32 || got == unfit {
			t.Errorf("for %q the id is %q", unfit, got)
		}
	}
}

// walk sends a request and repairs what the path broke.
func (s *stack) walk(t *testing.T, p path, id string) (http.Header, []byte) {
	t.Helper()
	if p.breaks != nil {
		tokens, limiter := s.ports.tokens, s.ports.limiter
		p.breaks(s)
		defer func() { s.ports.tokens, s.ports.limiter = tokens, limiter }()
	}
	req, err := http.NewRequestWithContext(t.Context(), p.method, s.url+p.target, strings.NewReader(p.body))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(p.header); i += 2 {
		req.Header.Set(p.header[i], p.header[i+1])
	}
	req.Header.Set("X-Request-ID", id)
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != p.status {
		t.Errorf("status %d, want %d: %s", res.StatusCode, p.status, body)
	}
	return res.Header, body
}

func checkErrors(t *testing.T, body []byte, id string) {
	t.Helper()
	var answer struct {
		Errors []struct {
			Extensions struct{ Code, RequestID string }
		}
	}
	if err := json.Unmarshal(body, &answer); err != nil || len(answer.Errors) == 0 {
		t.Fatalf("%v: %s", err, body)
	}
	for _, e := range answer.Errors {
		if e.Extensions.Code == "" || e.Extensions.RequestID != id {
			t.Errorf("an error without code or id: %s", body)
		}
	}
}

func checkLog(t *testing.T, lines []string, p path) {
	t.Helper()
	text := strings.Join(lines, "\n")
	if strings.Count(text, "msg=request ") != 1 || !strings.Contains(text, fmt.Sprintf("status=%d", p.status)) {
		t.Errorf("the access log says: %s", text)
	}
	if p.logged != "" && !strings.Contains(text, p.logged) {
		t.Errorf("nothing of %q with the id: %s", p.logged, text)
	}
}

// about returns the lines with a request id.
func (l *logBuffer) about(id string) []string {
	var found []string
	for line := range strings.Lines(l.String()) {
		if strings.Contains(line, "request_id="+id) {
			found = append(found, line)
		}
	}
	return found
}

// TestLog_session: as soon as a request is known to concern a session, log lines
// contain the session's id, also if the request is refused.
func TestLog_session(t *testing.T) {
	s := newStack(t, engines()[0], nil)
	first := s.signUp("ada@example.com")
	id := s.number(`SELECT COUNT(*) FROM sessions`)
	if id != 1 {
		t.Fatalf("%d sessions", id)
	}
	var session string
	if err := s.db.QueryRowContext(t.Context(), `SELECT id FROM sessions`).Scan(&session); err != nil {
		t.Fatal(err)
	}
	s.mustRefresh(first.refresh)
	refreshREST(s, first.refresh, "") // a race
	refreshREST(s, "a.b.c", "")       // nobody's
	for _, tt := range []struct {
		line string
		want int
	}{
		{`msg=request method=POST path=/graphql status=200 .* session_id=` + session, 2},
		{`msg="request refused" transport=rest .* reason=TOKEN_BLACKLISTED .* session_id=` + session, 1},
		{`msg=request method=GET path=/auth/refresh status=500 .* session_id=` + session, 1},
		{`msg=request method=GET path=/auth/refresh status=401 [^\n]*session_id`, 0},
	} {
		if got := len(regexp.MustCompile(tt.line).FindAllString(s.log.String(), -1)); got != tt.want {
			t.Errorf("%d lines %s, want %d:\n%s", got, tt.line, tt.want, s.log)
		}
	}
}
