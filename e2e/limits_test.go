package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestLimits_address: invalid tokens count by the client's address, which a
// client cannot choose.
func TestLimits_address(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	c := httpClient()
	limits := newCount(t, 30, 10)
	for i := 0; limits.more(); i++ {
		req, err := http.NewRequest(http.MethodGet, p.URL+"/auth/refresh", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", fmt.Sprintf("198.51.100.%d", i))
		var body struct{ Message string }
		switch status, err := send(c, req, &body); {
		case err != nil:
			t.Fatal(err)
		case status == http.StatusTooManyRequests && body.Message == "Too many requests":
			limits.refused++
		case status == http.StatusBadRequest:
			limits.passed++
		default:
			t.Fatalf("%d %s", status, body.Message)
		}
	}
}

// count counts requests and refusals of a limit.
type count struct {
	t               *testing.T
	burst, rate     float64 // rate per second
	begun           time.Time
	passed, refused int
}

func newCount(t *testing.T, burst, rate float64) *count {
	return &count{t: t, burst: burst, rate: rate, begun: time.Now()}
}

// more reports whether another request is needed: until as many were refused as
// the burst allows. It fails the test if more passed than the limit allows for
// the elapsed time.
func (c *count) more() bool {
	c.t.Helper()
	took := time.Since(c.begun)
	if may := c.burst + c.rate*took.Seconds() + 1; float64(c.passed) > may || took > 2*patience {
		c.t.Fatalf("%d requests passed, and %d were refused; %v may pass", c.passed, c.refused, may)
	}
	return float64(c.refused) < c.burst
}

// TestLimits_trustedProxy: behind a trusted proxy each client counts separately.
func TestLimits_trustedProxy(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "TRUSTED_PROXIES": "127.0.0.1"})
	c := httpClient()
	for i := range 100 {
		req, err := http.NewRequest(http.MethodGet, p.URL+"/auth/refresh", nil)
		if err != nil {
			t.Fatal(err)
		}
		// The client invented everything left of the proxy's own entry.
		req.Header.Set("X-Forwarded-For", fmt.Sprintf("203.0.113.9, 198.51.100.%d", i))
		var body struct{ Message string }
		if status, err := send(c, req, &body); err != nil || status != http.StatusBadRequest {
			t.Fatalf("request %d: %d %s %v", i, status, body.Message, err)
		}
	}
}

// TestLimits_login: guesses at one account are limited, while other accounts can
// log in.
func TestLimits_login(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	c := httpClient()
	signUp(t, c, p.URL, "ada@example.com")
	guess := func() string {
		var data any
		problem, _, err := graphql(c, p.URL, "", `mutation { login(input: {email: "ada@example.com", password: "wrong horse"}) { token } }`, nil, &data)
		if err != nil {
			t.Fatal(err)
		}
		return problem
	}
	for limits := newCount(t, 10, 0.2); limits.more(); {
		switch problem := guess(); problem {
		case "INVALID_CREDENTIALS":
			limits.passed++
		case "RATE_LIMITED":
			limits.refused++
		default:
			t.Fatal(problem)
		}
	}
}

// TestLimits_session: a verified token counts by its session, so that people
// behind one address do not limit each other.
func TestLimits_session(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	c := httpClient()
	mine := signUp(t, c, p.URL, "ada@example.com")
	other := logIn(t, c, p.URL, "ada@example.com")
	for limits := newCount(t, 30, 10); limits.more(); {
		got, err := refresh(c, restTransport, p.URL, mine.Refresh, "one-key-for-all-of-them")
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case got.Status == http.StatusTooManyRequests:
			limits.refused++
		case got.Problem == "":
			limits.passed++
		default:
			t.Fatalf("%+v", got)
		}
	}
	if got, err := refresh(c, graphqlTransport, p.URL, other.Refresh, ""); err != nil || got.Problem != "" {
		t.Errorf("another session: %+v, %v", got, err)
	}
}

// TestBadInput: invalid input gets a clear 4xx in the transport's format, which
// repeats nothing of the input.
func TestBadInput(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "RATE_LIMITS": "off"})
	c := httpClient()
	const canary = "hunter2"
	long := strings.Repeat("x", 70<<10)
	for name, tt := range map[string]struct {
		method, path, contentType, body, bearer string
		status                                  int
	}{
		"broken JSON":             {"POST", "/graphql", "application/json", `{"query": "` + canary, "", 400},
		"array":                   {"POST", "/graphql", "application/json", `[{"query": "{ __typename }"}]`, "", 400},
		"trailing data":           {"POST", "/graphql", "application/json", `{"query": "{ __typename }"} ` + canary, "", 400},
		"variables of wrong type": {"POST", "/graphql", "application/json", `{"query": "{ __typename }", "variables": "` + canary + `"}`, "", 400},
		"form":                    {"POST", "/graphql", "application/x-www-form-urlencoded", "query=" + canary, "", 415},
		"text":                    {"POST", "/graphql", "text/plain", canary, "", 415},
		"oversized body":          {"POST", "/graphql", "application/json", `{"query": "` + long + `"}`, "", 413},
		"method":                  {"PUT", "/graphql", "application/json", `{}`, "", 405},
		"long token, REST":        {"GET", "/auth/refresh", "", "", "a." + strings.Repeat("b", 9<<10) + ".c", 401},
		"dots, REST":              {"GET", "/auth/refresh", "", "", strings.Repeat(".", 9<<10), 401},
		"huge header, REST":       {"GET", "/auth/refresh", "", "", strings.Repeat("a", 80<<10), 431},
	} {
		t.Run(name, func(t *testing.T) {
			req, err := http.NewRequest(tt.method, p.URL+tt.path, strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			if tt.contentType != "" {
				req.Header.Set("Content-Type", tt.contentType)
			}
			if tt.bearer != "" {
				req.Header.Set("Authorization", "Bearer "+tt.bearer)
			}
			res, err := c.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = res.Body.Close() }()
			text := new(strings.Builder)
			if err := res.Write(text); err != nil {
				t.Fatal(err)
			}
			if res.StatusCode != tt.status {
				t.Errorf("status %d, want %d: %s", res.StatusCode, tt.status, text)
			}
			if strings.Contains(text.String(), canary) || text.Len() > 4096 {
				t.Errorf("the answer repeats the input: %s", text)
			}
		})
	}
	if strings.Contains(p.out.String(), canary) {
		t.Error("the log repeats the input")
	}
}
