package e2e

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/test/throwaway"
)

// stalledDatabase is a Postgres behind a proxy, and rekey with a brief time limit
// for requests. The database's own limits are longer than the test's patience.
type stalledDatabase struct {
	*process
	server *throwaway.PostgresServer
	proxy  *throwaway.Proxy
	env    map[string]string
}

func startStalled(t *testing.T) *stalledDatabase {
	t.Helper()
	s := &stalledDatabase{server: throwaway.StartPostgres(t)}
	address, err := url.Parse(s.server.URL())
	if err != nil {
		t.Fatal(err)
	}
	s.proxy = throwaway.NewProxy(t, address.Host)
	address.Host = s.proxy.Addr()
	s.env = map[string]string{
		"DATABASE_URL": address.String() + "&connect_timeout=600&statement_timeout=0&lock_timeout=0", "DATA_DIR": t.TempDir(),
		"RATE_LIMITS": "off", "REQUEST_TIMEOUT": "500ms",
	}
	s.process = start(t, s.env)
	return s
}

// stalls are the ways in which a database can stop answering without refusing.
func (s *stalledDatabase) stalls() map[string]struct{ begin, end func() } {
	return map[string]struct{ begin, end func() }{
		"stopped": {s.server.Freeze, s.server.Thaw},
		"lost":    {s.proxy.BlackHole, s.proxy.Clean},
		"delayed": {func() { s.proxy.Hang(true) }, s.proxy.Clean},
		"no dial": {func() { s.proxy.Hang(true); s.proxy.Cut() }, s.proxy.Clean},
	}
}

// answeredInTime sends requests at the same time, and fails the test if none of
// several attempts was answered in a time that only the limit of requests
// explains: without it, a statement alone may take 8 s.
func answeredInTime(t *testing.T, send map[string]func()) {
	t.Helper()
	var all sync.WaitGroup
	for name, send := range send {
		all.Go(func() {
			least := time.Hour
			for range 3 { // a busy machine may take longer
				begun := time.Now()
				send()
				if least = min(least, time.Since(begun)); least < 6*time.Second {
					return
				}
			}
			t.Errorf("%s was answered after %v", name, least)
		})
	}
	all.Wait()
}

// TestServe_databaseStalls: every request is answered within REQUEST_TIMEOUT, in
// the form of its transport, while the database does not answer. A refresh token
// still works afterwards, although the database may have executed what it received
// before.
func TestServe_databaseStalls(t *testing.T) {
	s := startStalled(t)
	c := httpClient()
	key, _, _ := strings.Cut(command(t, s.env, "apikeys", "create", "--name", "orders",
		"--scope", "tokens:introspect", "--scope", "tokens:revoke"), "\n")
	mine := signUp(t, c, s.URL, "ada@example.com")
	for name, stall := range s.stalls() {
		t.Run(name, func(t *testing.T) {
			other := signUp(t, c, s.URL, strings.ReplaceAll(name, " ", "-")+"@example.com") // it may be logged out
			stall.begin()
			send := map[string]func(){}
			for i, r := range append(requests(other), requests(mine)[0]) {
				r.name = fmt.Sprint(i, " ", r.name)
				send[r.name] = func() {
					wantUnavailable(t, c, s.URL, r, "application/graphql-response+json", http.StatusServiceUnavailable)
				}
				send[r.name+" as JSON"] = func() { wantUnavailable(t, c, s.URL, r, "application/json", http.StatusOK) }
			}
			for _, r := range []struct{ method, path, bearer string }{
				{"GET", "/auth/refresh", mine.Refresh}, {"GET", "/auth/nowhere", mine.Refresh}, {"POST", "/auth/refresh", mine.Refresh},
				{"POST", "/oauth/introspect", key}, {"POST", "/oauth/revoke", key},
			} {
				send[r.method+" "+r.path] = func() { wantUnavailablePath(t, c, r.method, s.URL+r.path, r.bearer, mine.Access) }
			}
			send["readiness"] = func() { readyz(t, c, s.URL) }
			send["liveness"] = func() { wantLive(t, c, s.URL) }
			answeredInTime(t, send)
			stall.end()
			readyUntil(t, c, s.URL, func(r readiness) bool { return r.code == http.StatusOK })
			next, err := refresh(c, restTransport, s.URL, mine.Refresh, "")
			if err != nil || next.Problem != "" {
				t.Fatalf("the same refresh token afterwards: %+v, %v", next, err)
			}
			mine = pair{next.Access, next.Refresh}
			if problem := me(t, c, s.URL, mine.Access); problem != "" {
				t.Errorf("the access token afterwards: %s", problem)
			}
		})
	}
}

func wantUnavailablePath(t *testing.T, c *http.Client, method, url, bearer, token string) {
	t.Helper()
	req, err := http.NewRequest(method, url, strings.NewReader("token="+token))
	if err != nil {
		t.Error(err)
		return
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Authorization", "Bearer "+bearer)
	res, err := c.Do(req)
	if err != nil {
		t.Error(err)
		return
	}
	_ = res.Body.Close()
	if res.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s %s: %d", method, url, res.StatusCode)
	}
	wantRetryAfter(t, url, res)
}

// TestServe_swapCutOff: a refresh that the database commits, but does not answer in
// time, is answered 503. The same token then gets the pair that was committed,
// through both transports, with and without an idempotency key.
func TestServe_swapCutOff(t *testing.T) {
	s := startStalled(t)
	c := httpClient()
	other := signUp(t, c, s.URL, "other@example.com").Refresh
	for _, through := range []transport{graphqlTransport, restTransport} {
		for name, key := range map[string]string{"key": "0123456789abcdef", "no key": ""} {
			t.Run(fmt.Sprint(through, " ", name), func(t *testing.T) {
				email := fmt.Sprintf("%s-%d@example.com", through, len(key))
				mine := signUp(t, c, s.URL, email)
				for generationIn(t, s.server.URL(), email) == 1 {
					// A connection on which the statement is not prepared loses that answer.
					prepared, err := refresh(c, through, s.URL, other, "")
					if err != nil || prepared.Problem != "" {
						t.Fatalf("%+v, %v", prepared, err)
					}
					other = prepared.Refresh
					s.proxy.LoseAnswers()
					cut, err := refresh(c, through, s.URL, mine.Refresh, key)
					if want := map[transport]string{graphqlTransport: "UNAVAILABLE", restTransport: "Service Unavailable"}[through]; err != nil || cut.Problem != want {
						t.Fatalf("%+v, %v, want %s", cut, err, want)
					}
					s.proxy.Clean()
					readyUntil(t, c, s.URL, func(r readiness) bool { return r.code == http.StatusOK })
				}
				next, err := refresh(c, through, s.URL, mine.Refresh, key)
				if err != nil || next.Problem != "" {
					t.Fatalf("the same token: %+v, %v", next, err)
				}
				if n := generationIn(t, s.server.URL(), email); n != 2 {
					t.Errorf("the session is at generation %d: it was rotated twice", n)
				}
				if problem := me(t, c, s.URL, next.Access); problem != "" {
					t.Errorf("the new access token: %s", problem)
				}
			})
		}
	}
}

func generationIn(t *testing.T, url, email string) (n int) {
	t.Helper()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	err = db.QueryRowContext(t.Context(), `SELECT generation FROM sessions s JOIN users u ON u.id = s.user_id WHERE u.email = $1`, email).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
