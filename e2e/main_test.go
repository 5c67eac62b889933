package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestServe_embedded: the first steps of a new user work, and a restart keeps
// everything.
func TestServe_embedded(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	env := map[string]string{"DATA_DIR": dir}
	c := httpClient()
	p := start(t, env)
	first := signUp(t, c, p.URL, "Ada@Example.com")
	viaREST, err := refresh(c, restTransport, p.URL, first.Refresh, "")
	if err != nil || viaREST.Status != http.StatusCreated || viaREST.Problem != "" {
		t.Fatalf("refresh by REST: %+v, %v", viaREST, err)
	}
	viaGraphQL, err := refresh(c, graphqlTransport, p.URL, viaREST.Refresh, "")
	if err != nil || viaGraphQL.Problem != "" {
		t.Fatalf("refresh by GraphQL: %+v, %v", viaGraphQL, err)
	}
	if code := p.terminate(); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, p.out)
	}

	p = start(t, env)
	if problem := me(t, c, p.URL, viaGraphQL.Access); problem != "" {
		t.Errorf("access token after a restart: %s", problem)
	}
	if problem := me(t, c, p.URL, first.Access); problem != "" && problem != "TOKEN_BLACKLISTED" {
		t.Errorf("rotated access token after a restart: %s", problem)
	}
	again, err := refresh(c, restTransport, p.URL, viaGraphQL.Refresh, "")
	if err != nil || again.Problem != "" {
		t.Errorf("refresh after a restart: %+v, %v", again, err)
	}
	logIn(t, c, p.URL, " ada@example.COM ")
	checkModes(t, dir)
}

// checkModes requires that only the owner can read keys and data.
func checkModes(t *testing.T, dir string) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s has mode %v", path, info.Mode())
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

func TestServe_banner(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	p.terminate() // so that all of its output has been read
	for _, want := range []string{"/graphql", "/auth/refresh", "/livez", "/readyz", "curl"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("the start does not mention %s:\n%s", want, p.out)
		}
	}
}

// TestServe_ready: in both log formats one line reports the settings in use,
// without a password.
func TestServe_ready(t *testing.T) {
	for _, engine := range engines() {
		for _, format := range []string{"text", "json"} {
			t.Run(engine.name+"/"+format, func(t *testing.T) {
				env := engine.env(t)
				env["LOG_FORMAT"] = format
				p := start(t, env)
				p.until(t, "data_dir")
				var line string
				for l := range strings.Lines(p.out.String()) {
					if strings.Contains(l, "data_dir") {
						line = l
					}
				}
				// Both formats contain the same words.
				plain := strings.NewReplacer(`"`, "", ":", "=").Replace(line)
				dialect := "sqlite"
				if env["DATABASE_URL"] != "" {
					dialect = "postgres"
				}
				for _, want := range []string{
					"time=", "level=INFO", "msg=ready", "version=", "commit=", "address=127.0.0.1=", "engine=" + dialect,
					fmt.Sprintf("redis_configured=%t", env["REDIS_URL"] != ""), "data_dir=" + env["DATA_DIR"],
				} {
					if !strings.Contains(plain, want) {
						t.Errorf("no %s in %s", want, line)
					}
				}
				if banner := strings.Contains(p.out.String(), "rekey is ready"); banner != (format == "text") || strings.Contains(line, "postgres://") {
					t.Errorf("the log:\n%s", p.out)
				}
			})
		}
	}
}

// TestServe_fileGone: readiness and one log line report that the server works on
// a deleted file.
func TestServe_fileGone(t *testing.T) {
	dir := t.TempDir()
	p, path := start(t, map[string]string{"DATA_DIR": dir}), filepath.Join(dir, "rekey.db")
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		res, err := httpClient().Get(p.URL + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if err != nil || res.StatusCode != http.StatusServiceUnavailable || !strings.Contains(string(body), `"database":"the file is gone"`) {
			t.Errorf("%d %s, %v", res.StatusCode, body, err)
		}
	}
	p.terminate()
	if n := strings.Count(p.out.String(), `reason="the file is gone"`); n != 1 || !strings.Contains(p.out.String(), path) {
		t.Errorf("logged %d times:\n%s", n, p.out)
	}
}

// TestServe_bannerLines pastes the examples of the banner into a shell, with and
// without cookie mode.
func TestServe_bannerLines(t *testing.T) {
	for _, mode := range []string{"off", "on"} {
		t.Run("COOKIE_MODE="+mode, func(t *testing.T) { bannerLines(t, mode) })
	}
}

func bannerLines(t *testing.T, mode string) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "LOG_LEVEL": "error", "COOKIE_MODE": mode})
	eventually(t, "all of the banner", func() bool { return strings.Contains(p.out.String(), "Bearer $RT\"\n\n") })
	_, lines, _ := strings.Cut(p.out.String(), "Try it, in another terminal:\n\n")
	steps := strings.Split(strings.TrimSpace(lines), "\n\n")
	want := []string{
		`{"data":{"signUp":{"token":"eyJ…","refreshToken":"eyJ…","expiresIn":900}}}`,
		"",
		`{"success":true,"message":"Success","payload":{"token":"eyJ…","refresh_token":"eyJ…","token_expiration":1790000000}}`,
	}
	if len(steps) != len(want) {
		t.Fatalf("%d steps, want %d:\n%s", len(steps), len(want), lines)
	}
	sh := startShell(t)
	for i, step := range steps {
		if got := normalize(sh.run(t, step)); got != want[i] {
			t.Errorf("%s\nprints\n%s\nwant\n%s", step, got, want[i])
		}
	}
}

// TestServe_bannerProduction: the commands work, and none changes a database
// that may be live.
func TestServe_bannerProduction(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "LOG_LEVEL": "error", "ENV": "production"})
	eventually(t, "all of the banner", func() bool { return strings.Contains(p.out.String(), "__typename }\"}'\n\n") })
	if strings.Contains(p.out.String(), "mutation") {
		t.Errorf("the banner changes the database:\n%s", p.out)
	}
	_, lines, _ := strings.Cut(p.out.String(), "Check it, in another terminal:\n\n")
	got := startShell(t).run(t, strings.TrimSpace(lines))
	if !strings.Contains(got, `"status":"ok"`) || !strings.Contains(got, `{"data":{"__typename":"Query"}}`) {
		t.Errorf("%s\nprints\n%s", lines, got)
	}
}

// TestServe_secondOnTheSameFile: an SQLite file has one owner.
func TestServe_secondOnTheSameFile(t *testing.T) {
	env := map[string]string{"DATA_DIR": t.TempDir()}
	first := start(t, env)
	second := spawn(t, env)
	want := fmt.Sprintf("in use by another process: %s, process %d", filepath.Join(env["DATA_DIR"], "rekey.db"), first.cmd.Process.Pid)
	if code := second.wait(); code != 6 || !strings.Contains(second.out.String(), want) {
		t.Errorf("exit code %d:\n%s", code, second.out)
	}
}

// TestServe_badConfiguration: the server reports every problem at once and does
// not start.
func TestServe_badConfiguration(t *testing.T) {
	p := spawn(t, map[string]string{
		"DATA_DIR": t.TempDir(), "PORT": "http", "REUSE_WINDOW": "-5s", "DATABASE_URL": "mysql://u:hunter2@h/db",
		"REUSE_ACTION": "shrug", "TRUSTED_PROXIES": "10.0.0.0/99", "REDIS_URL": "redis://h:6379/notanumber",
	})
	if code := p.wait(); code != 3 {
		t.Errorf("exit code %d", code)
	}
	for _, want := range []string{"PORT", "REUSE_WINDOW", "DATABASE_URL", "REUSE_ACTION", "TRUSTED_PROXIES", "REDIS_URL"} {
		if !strings.Contains(p.out.String(), want) {
			t.Errorf("%s is not named:\n%s", want, p.out)
		}
	}
	if strings.Contains(p.out.String(), "hunter2") {
		t.Errorf("the log contains a password:\n%s", p.out)
	}
}

func TestServe_badKeys(t *testing.T) {
	dir := t.TempDir()
	keys := []string{keyFile(t, filepath.Join(dir, "a.pem")), keyFile(t, filepath.Join(dir, "b.pem"))}
	notAKey := filepath.Join(t.TempDir(), "not-a-key.pem")
	if err := os.WriteFile(notAKey, []byte("hello"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct{ access, refresh, want string }{
		"equal pairs": {keys[0], keys[0], "are the same"},
		"not a key":   {keys[0], notAKey, "not-a-key.pem"},
		"missing":     {keys[0], filepath.Join(dir, "missing.pem"), "missing.pem"},
		"only one":    {keys[0], "", "REFRESH_PRIVATE_PEM_FILE"},
	} {
		t.Run(name, func(t *testing.T) {
			p := spawn(t, map[string]string{"DATA_DIR": dir, "ACCESS_PRIVATE_PEM_FILE": tt.access, "REFRESH_PRIVATE_PEM_FILE": tt.refresh})
			if code := p.wait(); code != 3 || !strings.Contains(p.out.String(), tt.want) {
				t.Errorf("exit code %d:\n%s", code, p.out)
			}
		})
	}
}

// TestUsers_disable: an operator disables a user while the server runs. When the
// command returns, no token of the user works.
func TestUsers_disable(t *testing.T) {
	for _, engine := range engines() {
		t.Run(engine.name, func(t *testing.T) {
			env := engine.env(t)
			p := start(t, env)
			c := httpClient()
			mine := signUp(t, c, p.URL, "ada@example.com")
			if problem := me(t, c, p.URL, mine.Access); problem != "" {
				t.Fatal(problem)
			}
			disable := spawn(t, env, "users", "disable", "ADA@example.com")
			if code := disable.wait(); code != 0 || !strings.Contains(disable.out.String(), "1 sessions revoked") {
				t.Fatalf("exit code %d:\n%s", code, disable.out)
			}
			if problem := me(t, c, p.URL, mine.Access); problem != "USER_DISABLED" {
				t.Errorf("access token of a disabled user: %q", problem)
			}
			if got, err := refresh(c, restTransport, p.URL, mine.Refresh, ""); err != nil || got.Problem != "token is blacklisted" {
				t.Errorf("refresh of a disabled user: %+v, %v", got, err)
			}
			enable := spawn(t, env, "users", "enable", "ada@example.com")
			if code := enable.wait(); code != 0 {
				t.Fatalf("exit code %d:\n%s", code, enable.out)
			}
			if problem := me(t, c, p.URL, mine.Access); problem != "SESSION_REVOKED" {
				t.Errorf("old access token of an enabled user: %q", problem)
			}
			logIn(t, c, p.URL, "ada@example.com")
		})
	}
}

func TestUsers_unknown(t *testing.T) {
	env := map[string]string{"DATA_DIR": filepath.Join(t.TempDir(), "data")}
	p := spawn(t, env, "users", "disable", "nobody@example.com")
	if code := p.wait(); code != 3 || !strings.Contains(p.out.String(), "there is no database at /") {
		t.Errorf("in the wrong directory: exit code %d:\n%s", code, p.out)
	}
	if _, err := os.Stat(env["DATA_DIR"]); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a command made something: %v", err)
	}
	if code := spawn(t, env, "migrate").wait(); code != 0 {
		t.Fatalf("migrate: exit code %d", code)
	}
	p = spawn(t, env, "users", "disable", "nobody@example.com")
	if code := p.wait(); code != 5 || !strings.Contains(p.out.String(), "no user") {
		t.Errorf("exit code %d:\n%s", code, p.out)
	}
	p = spawn(t, env, "users", "disable")
	if code := p.wait(); code != 2 {
		t.Errorf("exit code %d:\n%s", code, p.out)
	}
	p = spawn(t, env, "nonsense")
	if code := p.wait(); code != 2 {
		t.Errorf("exit code %d:\n%s", code, p.out)
	}
}

func TestMigrate_command(t *testing.T) {
	for _, engine := range engines() {
		t.Run(engine.name, func(t *testing.T) {
			env := engine.env(t)
			for _, want := range []string{"migrations applied", "0 migrations applied"} {
				p := spawn(t, env, "migrate")
				if code := p.wait(); code != 0 || !strings.Contains(p.out.String(), want) {
					t.Errorf("exit code %d:\n%s", code, p.out)
				}
			}
		})
	}
}

func TestServe_health(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir()})
	for path, want := range map[string]int{"/livez": 200, "/readyz": 200, "/nowhere": 404, "/auth": 404} {
		res, err := httpClient().Get(p.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(res.Body)
		_ = res.Body.Close()
		if res.StatusCode != want {
			t.Errorf("%s: %d %s", path, res.StatusCode, body)
		}
		if res.Header.Get("X-Request-ID") == "" || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", path, res.Header)
		}
	}
	var ready struct{ Status string }
	req, _ := http.NewRequest(http.MethodGet, p.URL+"/readyz", nil)
	if _, err := send(httpClient(), req, &ready); err != nil || ready.Status != "ok" {
		t.Errorf("readyz: %+v, %v", ready, err)
	}
}

// TestServe_logsNoSecrets: a day's work leaves no secret in the log.
func TestServe_logsNoSecrets(t *testing.T) {
	p := start(t, map[string]string{"DATA_DIR": t.TempDir(), "LOG_LEVEL": "debug", "LOG_FORMAT": "json", "REUSE_WINDOW": "1h"})
	c := httpClient()
	mine := signUp(t, c, p.URL, "ada@example.com")
	const key = "canary-idempotency-key"
	next, err := refresh(c, restTransport, p.URL, mine.Refresh, key)
	if err != nil {
		t.Fatal(err)
	}
	for _, token := range []string{mine.Refresh, "not.a.token", next.Access} { // a race, garbage, a token of the wrong kind
		if _, err := refresh(c, graphqlTransport, p.URL, token, ""); err != nil {
			t.Fatal(err)
		}
	}
	res, err := c.Post(p.URL+"/graphql?password=canary-query", "application/json", strings.NewReader(`{"query": "canary-body`))
	if err != nil {
		t.Fatal(err)
	}
	_ = res.Body.Close()
	p.terminate()
	log := p.out.String()
	if !strings.Contains(log, "refresh_race") {
		t.Errorf("the log does not report the race:\n%s", log)
	}
	var claims struct {
		User struct{ Auth struct{ Token string } }
	}
	decodeClaims(t, next.Refresh, &claims)
	for what, secret := range map[string]string{
		"password": password, "access token": mine.Access, "refresh token": next.Refresh, "secret": claims.User.Auth.Token,
		"key": key, "query": "canary-query", "body": "canary-body",
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log contains the %s", what)
		}
	}
	for line := range strings.Lines(log) {
		if strings.HasPrefix(line, "{") && !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
}
