package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"rekey/internal/test/throwaway"
)

// readiness holds an answer of /readyz.
type readiness struct {
	Status string
	Checks map[string]string
	code   int
}

func readyz(t *testing.T, c *http.Client, base string) readiness {
	t.Helper()
	var r readiness
	req, err := http.NewRequest(http.MethodGet, base+"/readyz", nil)
	if err == nil {
		r.code, err = send(c, req, &r)
	}
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// readyUntil polls readiness until want accepts it.
func readyUntil(t *testing.T, c *http.Client, base string, want func(readiness) bool) readiness {
	t.Helper()
	for deadline := time.After(patience); ; {
		r := readyz(t, c, base)
		if want(r) {
			return r
		}
		select {
		case <-time.After(50 * time.Millisecond):
		case <-deadline:
			t.Fatalf("readiness is still %+v", r)
		}
	}
}

func wantLive(t *testing.T, c *http.Client, base string) {
	t.Helper()
	res, err := c.Get(base + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusOK {
		t.Errorf("livez: %d", res.StatusCode)
	}
}

// request is an operation that needs the database.
type request struct{ name, query, bearer string }

func requests(p pair) []request {
	return []request{
		{"refresh", fmt.Sprintf(`mutation { refreshToken(refreshToken: %q) { token } }`, p.Refresh), ""},
		{"access", `{ me { email } }`, p.Access},
		{"login", fmt.Sprintf(`mutation { login(input: {email: "ada@example.com", password: %q}) { token } }`, password), ""},
		{"sign-up", fmt.Sprintf(`mutation { signUp(input: {name: "Eve", email: "eve@example.com", password: %q}) { token } }`, password), ""},
		{"logout", fmt.Sprintf(`mutation { logout(scope: THIS, refreshToken: %q) }`, p.Refresh), ""},
		{"logout everywhere", `mutation { logout(scope: ALL) }`, p.Access},
		{"sessions", `{ sessions { id } }`, p.Access},
	}
}

// wantUnavailable sends one operation and requires that the answer reports a
// temporary failure.
func wantUnavailable(t *testing.T, c *http.Client, base string, r request, accept string, status int) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"query": r.query})
	if err != nil {
		t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, base+"/graphql", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Accept", accept)
	if r.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	res, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	var answer struct {
		Errors []struct {
			Message    string
			Extensions struct {
				Code      string
				Retryable bool
			}
		}
	}
	if err := json.NewDecoder(res.Body).Decode(&answer); err != nil || len(answer.Errors) != 1 {
		t.Errorf("%s as %s: %v, %+v", r.name, accept, err, answer)
		return
	}
	e := answer.Errors[0]
	if res.StatusCode != status || e.Extensions.Code != "UNAVAILABLE" || !e.Extensions.Retryable {
		t.Errorf("%s as %s: %d %+v", r.name, accept, res.StatusCode, e)
	}
	wantRetryAfter(t, r.name, res)
	if strings.Contains(e.Message, "127.0.0.1") || strings.Contains(e.Message, "postgres") {
		t.Errorf("%s: the answer names the address of the database: %s", r.name, e.Message)
	}
}

func wantRetryAfter(t *testing.T, what string, res *http.Response) {
	t.Helper()
	if seconds, err := strconv.Atoi(res.Header.Get("Retry-After")); err != nil || seconds < 1 {
		t.Errorf("%s: Retry-After %q", what, res.Header.Get("Retry-After"))
	}
}

// TestServe_postgresKilled: while the database is unreachable, nobody can log in
// and nobody is logged out. When it is back, everything works as before.
func TestServe_postgresKilled(t *testing.T) {
	server := throwaway.StartPostgres(t)
	env := map[string]string{"DATABASE_URL": server.URL(), "DATA_DIR": t.TempDir(), "RATE_LIMITS": "off"}
	p := start(t, env)
	c := httpClient()
	mine := signUp(t, c, p.URL, "ada@example.com")
	key, _, _ := strings.Cut(command(t, env, "apikeys", "create", "--name", "orders", "--scope", "tokens:introspect", "--scope", "tokens:revoke"), "\n")
	if r := readyz(t, c, p.URL); r.code != http.StatusOK || r.Status != "ok" {
		t.Fatalf("readiness before: %+v", r)
	}

	server.Kill()
	r := readyUntil(t, c, p.URL, func(r readiness) bool { return r.code == http.StatusServiceUnavailable })
	if r.Status != "unavailable" || r.Checks["database"] == "ok" || r.Checks["clock"] != "ok" || r.Checks["server"] != "ok" {
		t.Errorf("readiness: %+v", r)
	}
	wantLive(t, c, p.URL)
	for _, r := range requests(mine) {
		wantUnavailable(t, c, p.URL, r, "application/json", http.StatusOK)
		wantUnavailable(t, c, p.URL, r, "application/graphql-response+json", http.StatusServiceUnavailable)
	}
	for _, r := range []struct{ method, path, bearer string }{
		{"GET", "/auth/refresh", mine.Refresh}, {"GET", "/auth/nowhere", mine.Refresh},
		{"POST", "/oauth/introspect", key}, {"POST", "/oauth/revoke", key},
	} {
		req, err := http.NewRequest(r.method, p.URL+r.path, strings.NewReader("token="+mine.Access))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Authorization", "Bearer "+r.bearer)
		res, err := c.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusServiceUnavailable {
			t.Errorf("%s: %d", r.path, res.StatusCode)
		}
		wantRetryAfter(t, r.path, res)
	}
	wantLive(t, c, p.URL)

	server.Restart()
	readyUntil(t, c, p.URL, func(r readiness) bool { return r.code == http.StatusOK && r.Status == "ok" })
	if problem := me(t, c, p.URL, mine.Access); problem != "" {
		t.Errorf("the access token afterwards: %s", problem)
	}
	next, err := refresh(c, restTransport, p.URL, mine.Refresh, "")
	if err != nil || next.Problem != "" {
		t.Fatalf("the same refresh token afterwards: %+v, %v", next, err)
	}
	if again, err := refresh(c, graphqlTransport, p.URL, next.Refresh, ""); err != nil || again.Problem != "" {
		t.Errorf("and the next: %+v, %v", again, err)
	}
	logIn(t, c, p.URL, "ada@example.com")
}

// TestServe_readinessNamesDatabase: a database that does not work shows as
// database in readiness, however it fails, and never as a skewed clock.
func TestServe_readinessNamesDatabase(t *testing.T) {
	address := throwaway.Postgres(t)
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	proxy := throwaway.NewProxy(t, u.Host)
	u.Host = proxy.Addr()
	p := start(t, map[string]string{"DATABASE_URL": u.String(), "DATA_DIR": t.TempDir()})
	c := httpClient()
	for _, failure := range []struct {
		name  string
		begin func()
	}{{"silent", proxy.BlackHole}, {"hanging", func() { proxy.Hang(true) }}, {"cutting answers", proxy.CutAnswers}, {"refusing", proxy.Refuse}} {
		readyUntil(t, c, p.URL, func(r readiness) bool { return r.Status == "ok" })
		failure.begin()
		for range 3 {
			readyUntil(t, c, p.URL, func(r readiness) bool {
				if r.Checks["clock"] != "ok" {
					t.Errorf("%s: %+v", failure.name, r)
				}
				return r.code == http.StatusServiceUnavailable && r.Checks["database"] != "ok"
			})
		}
		proxy.Clean()
	}
}

// TestServe_redisKilled: without Redis everything works, and readiness reports
// that it works with limits.
func TestServe_redisKilled(t *testing.T) {
	server := throwaway.Redis(t)
	p := start(t, map[string]string{
		"DATABASE_URL": throwaway.Postgres(t), "REDIS_URL": server.URL(), "DATA_DIR": t.TempDir(), "REUSE_WINDOW": "1h",
	})
	c := httpClient()
	mine := signUp(t, c, p.URL, "ada@example.com")
	readyUntil(t, c, p.URL, func(r readiness) bool { return r.Status == "ok" })

	server.Kill()
	everythingWorks := func() {
		t.Helper()
		old := mine
		got, err := refresh(c, restTransport, p.URL, mine.Refresh, "")
		if err != nil || got.Problem != "" {
			t.Fatalf("refresh: %+v, %v", got, err)
		}
		mine = pair{got.Access, got.Refresh}
		if problem := me(t, c, p.URL, mine.Access); problem != "" {
			t.Errorf("access: %s", problem)
		}
		if race, err := refresh(c, graphqlTransport, p.URL, old.Refresh, ""); err != nil || race.Problem != "TOKEN_BLACKLISTED" {
			t.Errorf("the old token: %+v, %v", race, err)
		}
		other := logIn(t, c, p.URL, "ada@example.com")
		if n, err := logout(c, p.URL, other.Refresh); err != nil || n != 1 {
			t.Errorf("logout: %d, %v", n, err)
		}
		if problem := me(t, c, p.URL, other.Access); problem != "SESSION_REVOKED" {
			t.Errorf("access after logout: %q", problem)
		}
	}
	everythingWorks()
	r := readyUntil(t, c, p.URL, func(r readiness) bool { return r.Checks["redis"] != "ok" })
	if r.code != http.StatusOK || r.Status != "degraded" || r.Checks["database"] != "ok" {
		t.Errorf("readiness: %+v", r)
	}
	wantLive(t, c, p.URL)
	everythingWorks()

	server.Restart()
	readyUntil(t, c, p.URL, func(r readiness) bool { return r.Checks["redis"] == "ok" })
	everythingWorks()
}

// TestServe_leaving: after SIGTERM a server first reports that it is not ready,
// and still serves.
func TestServe_leaving(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "SHUTDOWN_DELAY": "5m"})
	c := httpClient()
	mine := signUp(t, c, p.URL, "ada@example.com")
	if r := readyz(t, c, p.URL); r.code != http.StatusOK || r.Checks["server"] != "ok" {
		t.Errorf("readiness before: %+v", r)
	}
	p.ask(t)
	r := readyUntil(t, c, p.URL, func(r readiness) bool { return r.code == http.StatusServiceUnavailable })
	if r.Checks["server"] != "shutting down" || r.Checks["database"] != "ok" {
		t.Errorf("readiness: %+v", r)
	}
	wantLive(t, c, p.URL)
	if got, err := refresh(c, restTransport, p.URL, mine.Refresh, ""); err != nil || got.Problem != "" {
		t.Errorf("refresh while leaving: %+v, %v", got, err)
	}
}
