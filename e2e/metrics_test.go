package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"rekey/internal/test/throwaway"
)

// metricsURL returns the URL of the metrics that a process with ADMIN_ADDR
// prints.
func (p *process) metricsURL(t testing.TB) string {
	t.Helper()
	at := regexp.MustCompile(`http://[^\s"]+/metrics`)
	deadline := time.After(patience)
	for {
		if url := at.FindString(p.out.String()); url != "" {
			return url
		}
		select {
		case <-deadline:
			t.Fatalf("no metrics in:\n%s", p.out)
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// samples are a process's metrics by name and labels, as Prometheus reads them.
type samples map[string]float64

func scrape(t testing.TB, url string) samples {
	t.Helper()
	res, err := httpClient().Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	if res.StatusCode != http.StatusOK {
		t.Fatalf("status %d", res.StatusCode)
	}
	all := samples{}
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "#") {
			continue
		}
		end := strings.LastIndexByte(lines.Text(), ' ')
		value, err := strconv.ParseFloat(lines.Text()[end+1:], 64)
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		all[lines.Text()[:end]] = value
	}
	if lines.Err() != nil {
		t.Fatal(lines.Err())
	}
	return all
}

// scrapeUntil scrapes until the metrics have the expected values.
func scrapeUntil(t *testing.T, url, what string, right func(samples) bool) samples {
	t.Helper()
	deadline := time.After(patience)
	for {
		all := scrape(t, url)
		if right(all) {
			return all
		}
		select {
		case <-deadline:
			t.Fatalf("%s: not in %v", what, all)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// grew checks by how much counters increased between two scrapes.
func grew(t *testing.T, before, after samples, want samples) {
	t.Helper()
	for name, n := range want {
		now, there := after[name]
		if got := now - before[name]; !there || got != n {
			t.Errorf("%s grew by %v (there: %v), want %v", name, got, there, n)
		}
	}
}

// guess sends a login with a wrong password and returns the problem.
func guess(t *testing.T, c *http.Client, base string) string {
	t.Helper()
	var data any
	problem, _, err := graphql(c, base, "", `mutation { login(input: {email: "ada@example.com", password: "wrong horse"}) { token } }`, nil, &data)
	if err != nil {
		t.Fatal(err)
	}
	return problem
}

// guessUntilRefused sends guesses until a limit refuses one.
func guessUntilRefused(t *testing.T, c *http.Client, base string) {
	t.Helper()
	for range 60 {
		if guess(t, c, base) == "RATE_LIMITED" {
			return
		}
	}
	t.Fatal("nobody minds that passwords are guessed")
}

// busyDay performs each operation that the metrics distinguish.
func busyDay(t *testing.T, p *process) {
	t.Helper()
	c := httpClient()
	first := signUp(t, c, p.URL, "ada@example.com")
	second := logIn(t, c, p.URL, "ada@example.com")
	if problem := guess(t, c, p.URL); problem != "INVALID_CREDENTIALS" {
		t.Fatalf("a wrong password: %s", problem)
	}
	const key = "canary-idempotency-key"
	for _, step := range []struct {
		transport        transport
		token, key, want string
	}{
		{restTransport, first.Refresh, key, ""},
		{restTransport, first.Refresh, key, ""}, // repeated
		{graphqlTransport, second.Refresh, "", ""},
		{graphqlTransport, second.Refresh, "", "TOKEN_REUSED"},
		{graphqlTransport, "not.a.token", "", "TOKEN_INVALID"},
	} {
		if got, err := refresh(c, step.transport, p.URL, step.token, step.key); err != nil || got.Problem != step.want {
			t.Fatalf("%s: %+v, %v; want %q", step.transport, got, err, step.want)
		}
	}
	if problem := me(t, c, p.URL, second.Access); problem != "SESSION_REVOKED" {
		t.Errorf("access after reuse: %q", problem)
	}
}

// TestMetrics: Prometheus sees what clients do.
func TestMetrics(t *testing.T) {
	redis := throwaway.Redis(t)
	p := start(t, map[string]string{
		"DATA_DIR": t.TempDir(), "DATABASE_URL": throwaway.Postgres(t), "REDIS_URL": redis.URL(),
		"ADMIN_ADDR": "127.0.0.1:0", "REUSE_WINDOW": "0s", "LOG_FORMAT": "json",
	})
	url := p.metricsURL(t)
	before := scrapeUntil(t, url, "trust in Redis", func(s samples) bool { return s["rekey_redis_trusted"] == 1 })
	busyDay(t, p)
	after := scrape(t, url)
	grew(t, before, after, samples{
		`rekey_operations_total{operation="sign_up",outcome="ok",transport="graphql"}`:                1,
		`rekey_operations_total{operation="login",outcome="ok",transport="graphql"}`:                  1,
		`rekey_operations_total{operation="login",outcome="invalid_credentials",transport="graphql"}`: 1,
		`rekey_operations_total{operation="refresh",outcome="ok",transport="rest"}`:                   2,
		`rekey_operations_total{operation="refresh",outcome="ok",transport="graphql"}`:                1,
		`rekey_operations_total{operation="refresh",outcome="token_reused",transport="graphql"}`:      1,
		`rekey_operations_total{operation="refresh",outcome="token_invalid",transport="graphql"}`:     1,
		`rekey_operations_total{operation="access",outcome="session_revoked",transport="graphql"}`:    1,
		`rekey_events_total{event="refresh",transport="rest"}`:                                        1,
		`rekey_events_total{event="refresh_retry",transport="rest"}`:                                  1,
		`rekey_events_total{event="refresh_reuse",transport="graphql"}`:                               1,
		`rekey_events_total{event="login_failed",transport="graphql"}`:                                1,
		`rekey_operation_duration_seconds_count{operation="hash"}`:                                    3,
		`rekey_operation_duration_seconds_count{operation="hash_queue"}`:                              3,
		`rekey_operation_duration_seconds_count{operation="refresh"}`:                                 5,
		`rekey_operation_duration_seconds_count{operation="swap"}`:                                    4,
		`rekey_operation_duration_seconds_count{operation="sign"}`:                                    5,
		`rekey_http_requests_total{code="201",method="GET",route="/auth/refresh"}`:                    2,
		`rekey_http_request_duration_seconds_count{route="/graphql"}`:                                 7,
	})
	checks := 0.0
	for name, n := range after {
		if strings.HasPrefix(name, "rekey_blacklist_checks_total") {
			checks += n
		}
	}
	if checks != 1 {
		t.Errorf("%v access checks, want 1", checks)
	}
	c := httpClient()
	scrapeUntil(t, url, "peace", func(s samples) bool {
		me(t, c, p.URL, "not.a.token") // shared limits recover only when a request is counted
		return s["rekey_limits_shared"] == 1 && s["rekey_redis_breakers_open"] == 0 && s["rekey_key_ring_failing"] == 0 &&
			s["rekey_clock_skewed"] == 0 && s["rekey_passwords_waiting"] == 0 && s[`rekey_database_connections_max{pool="all"}`] == 20
	})
	for _, name := range []string{"go_goroutines", "process_open_fds", `rekey_limit_counts_total{counted="redis"}`, `rekey_database_connections_open{pool="all"}`, `rekey_key_age_seconds{purpose="rotation"}`} {
		if after[name] == 0 {
			t.Errorf("%s is nothing", name)
		}
	}

	guessUntilRefused(t, c, p.URL)
	all := scrape(t, url).exported(t)
	t.Run("dashboard", all.checkDashboard)
	t.Run("alerts", all.checkAlerts)
	t.Run("documentation", all.checkDocumented)

	redis.Kill()
	scrapeUntil(t, url, "the loss of Redis", func(s samples) bool {
		me(t, c, p.URL, "not.a.token") // a counted request makes rekey use Redis
		return s["rekey_redis_trusted"] == 0 && s["rekey_limits_shared"] == 0 && s[`rekey_limit_counts_total{counted="alone"}`] > 0
	})
}

// TestMetrics_address: metrics and profiles are served at the admin address
// only, and not at all without one.
func TestMetrics_address(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "ADMIN_ADDR": "127.0.0.1:0"})
	admin := strings.TrimSuffix(p.metricsURL(t), "/metrics")
	without := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	for url, want := range map[string]int{
		admin + "/metrics": 200, admin + "/debug/pprof/": 200, admin + "/debug/pprof/goroutine?debug=1": 200,
		admin + "/graphql": 404, admin + "/auth/refresh": 404,
		p.URL + "/metrics": 404, p.URL + "/debug/pprof/": 404, without.URL + "/metrics": 404,
	} {
		res, err := httpClient().Get(url)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, res.Body)
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d, want %d", url, res.StatusCode, want)
		}
	}
	if strings.Contains(without.out.String(), "metrics  ") {
		t.Errorf("metrics without an address:\n%s", without.out)
	}
	all := scrape(t, admin+"/metrics")
	if all[`rekey_database_connections_max{pool="write"}`] != 1 || all[`rekey_database_connections_max{pool="read"}`] != 4 {
		t.Errorf("pools of SQLite: %v", all)
	}
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.out)
	}
}

// TestMetrics_graphqlErrors: errors in answers with status 200 are counted by code,
// whatever found them, and so are those that close a WebSocket.
func TestMetrics_graphqlErrors(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "ADMIN_ADDR": "127.0.0.1:0", "LIMITS": "sign_up=1/h:1"})
	url, c := p.metricsURL(t), httpClient()
	signUp(t, c, p.URL, "ada@example.com")
	before := scrape(t, url)
	send := func(query string) {
		body, err := json.Marshal(map[string]string{"query": query})
		if err != nil {
			t.Fatal(err)
		}
		res, err := c.Post(p.URL+"/graphql", "application/json", bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != http.StatusOK {
			t.Errorf("%s: status %d", query, res.StatusCode)
		}
	}
	send(`mutation { signUp(input: {name: "Eva", email: "eva@example.com", password: "correct horse"}) { token } }`)
	send(`{ me { id } }`)
	send(`{ me { nothing } }`)
	send(`{ me {`)
	conn, _, err := websocket.Dial(t.Context(), p.URL+"/graphql", &websocket.DialOptions{Subprotocols: []string{"graphql-transport-ws"}})
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.Write(t.Context(), websocket.MessageText, []byte(`{"type":"connection_init","payload":{"Authorization":"Bearer x"}}`)); err != nil {
		t.Fatal(err)
	}
	_, _, _ = conn.Read(t.Context()) // it is closed
	grew(t, before, scrapeUntil(t, url, "the closed socket", func(s samples) bool {
		return s[`rekey_graphql_errors_total{code="UNAUTHENTICATED"}`] >= 2
	}), samples{
		`rekey_graphql_errors_total{code="RATE_LIMITED"}`: 1, `rekey_graphql_errors_total{code="UNAUTHENTICATED"}`: 2,
		`rekey_graphql_errors_total{code="BAD_USER_INPUT"}`: 2, `rekey_graphql_errors_total{code="INTERNAL"}`: 0,
	})
}

// TestMetrics_hosts: the admin address answers only to names that are listed.
func TestMetrics_hosts(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "ADMIN_ADDR": "127.0.0.1:0", "ADMIN_HOSTS": "rekey-metrics.auth.svc"})
	url := p.metricsURL(t)
	for host, want := range map[string]int{"127.0.0.1": 200, "localhost:9090": 200, "rekey-metrics.auth.svc:9090": 200, "page.example:9090": 421} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Host = host
		res, err := httpClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("Host: %s: %d, want %d", host, res.StatusCode, want)
		}
	}
}

// TestMetrics_addressTaken: the start fails and names the setting.
func TestMetrics_addressTaken(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "ADMIN_ADDR": "127.0.0.1:0"})
	taken := strings.TrimSuffix(strings.TrimPrefix(p.metricsURL(t), "http://"), "/metrics")
	second := spawn(t, map[string]string{"DATA_DIR": t.TempDir(), "ADMIN_ADDR": taken})
	if code := second.wait(); code != 6 || !strings.Contains(second.out.String(), "ADMIN_ADDR") {
		t.Errorf("exit code %d:\n%s", code, second.out)
	}
}
