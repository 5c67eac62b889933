package app

import (
	"bytes"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	_ "github.com/glebarez/sqlite"
	_ "github.com/jackc/pgx/v5/stdlib"

	"rekey/internal/auth"
	"rekey/internal/config"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
)

func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }

// stack is the whole program in this process, on a real database, with both
// clocks in the test's hands.
type stack struct {
	t   *testing.T
	url string
	db  *sql.DB // for what no transport can do: reading and breaking state
	app *app
	log *logBuffer
	// ports are those of the core, which tests may replace while it runs.
	ports ports

	mu   sync.Mutex
	now  time.Time
	keys []string // idempotency keys that were sent
}

// ports are ports of the core that a test may replace while the program runs.
type ports struct {
	options auth.Options // what the core was created with
	store   struct{ auth.Store }
	tokens  struct{ auth.Tokens }
	limiter struct{ auth.Limiter }
	hashing slowHash
}

// testAppURL is the address of the pages that links in mails open.
const testAppURL = "https://app.example"

// install puts the ports between the core and what it was to use.
func (p *ports) install(o *auth.Options) {
	p.store.Store, p.tokens.Tokens, p.limiter.Limiter = o.Store, o.Tokens, o.Limiter
	o.Store, o.Tokens, o.Limiter = &p.store, &p.tokens, &p.limiter
	o.Passwords = auth.NewPasswords(1, passwordQueue, &p.hashing)
	o.SendsMail, o.AppURL = true, testAppURL
	p.options = *o
}

// engine is a database, with or without Redis.
type engine struct {
	name   string
	driver string
	env    func(t *testing.T) (env map[string]string, dsn string)
}

func engines() []engine {
	return []engine{
		{"SQLite", "sqlite", func(t *testing.T) (map[string]string, string) {
			dir := t.TempDir()
			return map[string]string{"DATA_DIR": dir}, filepath.Join(dir, "rekey.db") + "?_pragma=busy_timeout(60000)"
		}},
		{"Postgres", "pgx", func(t *testing.T) (map[string]string, string) {
			url := throwaway.Postgres(t)
			return map[string]string{"DATA_DIR": t.TempDir(), "DATABASE_URL": url}, url
		}},
		{"Postgres and Redis", "pgx", func(t *testing.T) (map[string]string, string) {
			url := throwaway.Postgres(t)
			return map[string]string{"DATA_DIR": t.TempDir(), "DATABASE_URL": url, "REDIS_URL": throwaway.Redis(t).URL()}, url
		}},
	}
}

const testClock = "(SELECT micros FROM test_clock)"

func newStack(t *testing.T, e engine, settings map[string]string) *stack {
	t.Helper()
	env, dsn := e.env(t)
	env["RATE_LIMITS"], env["LOG_LEVEL"], env["EMAIL_VERIFICATION"] = "off", "debug", "off"
	for k, v := range settings {
		env[k] = v
	}
	s := &stack{t: t, log: &logBuffer{}, now: time.Date(2026, 3, 1, 12, 0, 0, 250_000_000, time.UTC)}
	s.openDatabase(e.driver, dsn)
	cfg, err := config.Load(func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	p := &program{cfg: cfg, log: slog.New(slog.NewTextHandler(s.log, &slog.HandlerOptions{Level: cfg.LogLevel})),
		stdout: io.Discard, now: s.clock, databaseClock: testClock, changeCore: s.ports.install, breachedTimeout: time.Minute}
	s.app, err = p.open(t.Context(), server)
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(s.app.handler())
	s.url = srv.URL
	t.Cleanup(func() {
		srv.Close()
		s.checkJournal()
		if err := s.app.close(); err != nil {
			t.Error(err)
		}
		logcheck.Check(t, s.log.String(), s.keys...)
	})
	return s
}

func (s *stack) openDatabase(driver, dsn string) {
	s.t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = db.Close() })
	s.db = db
	s.exec(`CREATE TABLE test_clock (micros BIGINT NOT NULL)`)
	s.exec(fmt.Sprintf(`INSERT INTO test_clock VALUES (%d)`, s.now.UnixMicro()))
}

func (s *stack) exec(statement string) {
	s.t.Helper()
	if _, err := s.db.ExecContext(s.t.Context(), statement); err != nil {
		s.t.Fatalf("%s: %v", statement, err)
	}
}

func (s *stack) number(query string) int64 {
	s.t.Helper()
	var n int64
	if err := s.db.QueryRowContext(s.t.Context(), query).Scan(&n); err != nil {
		s.t.Fatalf("%s: %v", query, err)
	}
	return n
}

func (s *stack) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

// advance moves both clocks. Nobody reads one of them in between: a check of the
// clock would find it skewed.
func (s *stack) advance(d time.Duration) {
	s.t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
	s.exec(fmt.Sprintf(`UPDATE test_clock SET micros = micros + %d`, d.Microseconds()))
}

// advanceReplica moves this process's clock alone.
func (s *stack) advanceReplica(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

// logBuffer is a log that tests read.
type logBuffer struct{ logcheck.Text }

// count returns how many events of a kind were logged.
func (l *logBuffer) count(kind string) int {
	return strings.Count(l.String(), "event="+kind+" ")
}

type tokens struct{ access, refresh string }

// outcome holds the result of a refresh in the core's terms.
type outcome struct {
	tokens
	problem string // "" or a reason, or a code
}

// transport refreshes through one transport and translates the answer.
type transport struct {
	name    string
	refresh func(s *stack, token, key string) outcome
}

func transports() []transport {
	return []transport{{"GraphQL", refreshGraphQL}, {"REST", refreshREST}}
}

// sent records an idempotency key, which must not appear in the log.
func (s *stack) sent(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, key)
}

func refreshGraphQL(s *stack, token, key string) outcome {
	s.sent(key)
	vars := map[string]any{"t": token}
	if key != "" {
		vars["k"] = key
	}
	var data struct {
		RefreshToken struct {
			Token, RefreshToken string
			ExpiresIn           int
		}
	}
	problem := s.graphql("", `mutation($t: String, $k: String) { refreshToken(refreshToken: $t, idempotencyKey: $k) { token refreshToken expiresIn } }`, vars, &data)
	if data.RefreshToken.ExpiresIn < 0 {
		s.t.Errorf("expiresIn %d", data.RefreshToken.ExpiresIn)
	}
	return outcome{tokens{data.RefreshToken.Token, data.RefreshToken.RefreshToken}, problem}
}

func refreshREST(s *stack, token, key string) outcome {
	s.sent(key)
	req, err := http.NewRequest(http.MethodGet, s.url+"/auth/refresh", nil)
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if key != "" {
		req.Header.Set("Idempotency-Key", key)
	}
	var body struct {
		Success bool
		Message string
		Payload struct {
			Token        string
			RefreshToken string `json:"refresh_token"`
		}
	}
	status := s.send(req, &body)
	if body.Success != (status == http.StatusCreated) {
		s.t.Errorf("status %d with success %v", status, body.Success)
	}
	out := outcome{tokens: tokens{body.Payload.Token, body.Payload.RefreshToken}}
	if !body.Success {
		out.problem = fmt.Sprintf("%d %s", status, body.Message)
	}
	return out
}

func (s *stack) graphql(bearer, query string, vars map[string]any, data any) (problem string) {
	s.t.Helper()
	body, err := json.Marshal(map[string]any{"query": query, "variables": vars})
	if err != nil {
		s.t.Fatal(err)
	}
	req, err := http.NewRequest(http.MethodPost, s.url+"/graphql", bytes.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	if bearer != "" {
		req.Header.Set("Authorization", "Bearer "+bearer)
	}
	var result struct {
		Data   json.RawMessage
		Errors []struct {
			Message    string
			Extensions struct{ Code, Reason, Field string }
		}
	}
	s.send(req, &result)
	if len(result.Errors) == 0 {
		if err := json.Unmarshal(result.Data, data); err != nil {
			s.t.Fatal(err)
		}
		return ""
	}
	e := result.Errors[0].Extensions
	switch {
	case e.Reason != "":
		return e.Reason
	case e.Field != "":
		return e.Code + " " + e.Field
	}
	return e.Code
}

func (s *stack) send(req *http.Request, into any) (status int) {
	s.t.Helper()
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		s.t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(body, into); err != nil {
		s.t.Fatalf("status %d: %v: %s", res.StatusCode, err, body)
	}
	return res.StatusCode
}

const goodPassword = "correct horse"

func (s *stack) signUp(email string) tokens {
	s.t.Helper()
	var data struct {
		SignUp struct{ Token, RefreshToken string }
	}
	problem := s.graphql("", `mutation($e: String!, $p: String!) { signUp(input: {name: "Ada", email: $e, password: $p}) { token refreshToken } }`,
		map[string]any{"e": email, "p": goodPassword}, &data)
	if problem != "" {
		s.t.Fatalf("sign-up: %s", problem)
	}
	return tokens{data.SignUp.Token, data.SignUp.RefreshToken}
}

func (s *stack) login(email string) tokens {
	s.t.Helper()
	var data struct {
		Login struct{ Token, RefreshToken string }
	}
	problem := s.graphql("", `mutation($e: String!, $p: String!) { login(input: {email: $e, password: $p}) { token refreshToken } }`,
		map[string]any{"e": email, "p": goodPassword}, &data)
	if problem != "" {
		s.t.Fatalf("login: %s", problem)
	}
	return tokens{data.Login.Token, data.Login.RefreshToken}
}

// access performs an access check and returns its problem, or "" if the token is
// valid.
func (s *stack) access(token string) string {
	s.t.Helper()
	var data struct{ Me struct{ Email string } }
	return s.graphql(token, `{ me { email } }`, nil, &data)
}

func (s *stack) logout(token string) {
	s.t.Helper()
	var data struct{ Logout int }
	if problem := s.graphql(token, `mutation { logout }`, nil, &data); problem != "" || data.Logout != 1 {
		s.t.Fatalf("logout: %d %s", data.Logout, problem)
	}
}

func (s *stack) blacklist(bearer, token string) {
	s.t.Helper()
	var data struct{ BlacklistToken struct{ SessionID string } }
	problem := s.graphql(bearer, `mutation($t: String!) { blacklistToken(token: $t, reason: "lost phone") { sessionId } }`,
		map[string]any{"t": token}, &data)
	if problem != "" {
		s.t.Fatalf("blacklistToken: %s", problem)
	}
}

func operator() auth.Client { return auth.Client{Transport: auth.TransportCLI} }

func expiry(t *testing.T, token string) time.Time {
	t.Helper()
	var claims struct{ Exp int64 }
	claimsOf(t, token, &claims)
	return time.Unix(claims.Exp, 0)
}

func claimsOf(t *testing.T, token string, into any) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[1])
	if err == nil {
		err = json.Unmarshal(raw, into)
	}
	if err != nil {
		t.Fatal(err)
	}
}
