package e2e

import (
	"database/sql"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rekey/internal/test/throwaway"
)

// examined holds the report of doctor.
type examined struct {
	Status   string
	Findings []struct {
		Check, Status, Found string
		Advice               *string
	}
	code int
	poor bool
}

func examine(t *testing.T, env map[string]string) examined {
	t.Helper()
	a := ask(t, env, "", "doctor", "--json")
	var e examined
	if err := json.Unmarshal([]byte(a.out), &e); err != nil {
		t.Fatalf("%v: %+v", err, a)
	}
	e.code = a.code
	for _, f := range e.Findings {
		if strings.HasPrefix(f.Check, "machine.") && f.Status != "ok" {
			e.poor = true // a full disk of this machine is not the program's fault
		}
		if (f.Advice == nil) != (f.Status == "ok") {
			t.Errorf("%+v", f)
		}
	}
	if strings.Contains(a.out+a.err, "hunter2") {
		t.Errorf("the answer contains a password: %+v", a)
	}
	return e
}

// all returns the findings with a status, one per line.
func (e examined) all(status string) string {
	var lines []string
	for _, f := range e.Findings {
		if f.Status == status {
			lines = append(lines, f.Check+": "+f.Found)
		}
	}
	return strings.Join(lines, "\n")
}

// want compares the report with its exit code and with a part of a line for each
// status.
func (e examined) want(t *testing.T, code int, findings ...string) {
	t.Helper()
	if e.code != code && !e.poor {
		t.Errorf("exit code %d, want %d: %+v", e.code, code, e)
	}
	for _, f := range findings {
		status, found, _ := strings.Cut(f, " ")
		if !strings.Contains(e.all(status), found) {
			t.Errorf("no %s: %+v", f, e)
		}
	}
}

// TestDoctor: doctor reports a healthy installation as healthy while its server
// runs.
func TestDoctor(t *testing.T) {
	for _, engine := range engines() {
		t.Run(engine.name, func(t *testing.T) {
			env := engine.env(t)
			p := start(t, env)
			e := examine(t, env)
			if strings.HasPrefix(engine.name, "Postgres") { // the shared server deliberately does not sync
				e.want(t, 7, "warning database.fsync: off", "warning database.full_page_writes: off", "ok database.connections: 20 for",
					"ok database.isolation: "+isolation(t, env["DATABASE_URL"]), "ok database.synchronous_commit: on")
			} else {
				e.want(t, 0, "ok database.synchronous: 2", "ok database.journal_mode: wal", "ok database.server: one runs on it")
			}
			e.want(t, e.code, "ok clock: ", "ok keys.access: ", "ok database.migrations: ")
			if env["REDIS_URL"] != "" {
				e.want(t, e.code, "ok redis: server, a master answers", "ok redis.maxmemory-policy: noeviction")
			}
			if failed := e.all("failed"); failed != "" {
				t.Error(failed)
			}
			if code := p.terminate(); code != 0 {
				t.Errorf("the server: exit code %d", code)
			}
		})
	}
}

// isolation returns the server's default isolation level, because tests are
// repeated with SERIALIZABLE.
func isolation(t *testing.T, address string) (level string) {
	t.Helper()
	db, err := sql.Open("pgx", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if err := db.QueryRowContext(t.Context(), `SHOW default_transaction_isolation`).Scan(&level); err != nil {
		t.Fatal(err)
	}
	return level
}

// TestDoctor_changesNothing: doctor changes nothing and does not even create a
// missing directory.
func TestDoctor_changesNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	env := map[string]string{"DATA_DIR": dir}
	examine(t, env).want(t, 7, "warning database: there is no database at "+dir)
	if _, err := os.Stat(dir); err == nil {
		t.Error("a directory was made")
	}
	start(t, env).terminate()
	before := files(t, dir)
	examine(t, env).want(t, 0, "ok database.server: none runs")
	if after := files(t, dir); before != after {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

// files returns names, modes and contents.
func files(t *testing.T, dir string) string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, entry := range entries {
		content, err := os.ReadFile(filepath.Join(dir, entry.Name()))
		info, infoErr := entry.Info()
		if err != nil || infoErr != nil {
			t.Fatal(err, infoErr)
		}
		b.WriteString(entry.Name() + " " + info.Mode().String() + " " + string(content) + "\n")
	}
	return b.String()
}

// TestDoctor_trouble: doctor reports several problems at once, and one problem
// does not prevent the other checks.
func TestDoctor_trouble(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, ".env")
	if err := os.WriteFile(file, []byte("REFRSH_TTL=1h\nNONSENSE=1\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	redis := throwaway.Redis(t, "--maxmemory-policy", "allkeys-lru")
	env := map[string]string{
		"DATA_DIR": dir, "DATABASE_URL": "postgres://rekey:hunter2@192.0.2.1/rekey?connect_timeout=1", "REDIS_URL": redis.URL(),
		"ENV": "production", "RATE_LIMITS": "off", "ADMIN_ADDR": "8.8.8.8:9090", "TRUSTED_PROXIES": "0.0.0.0/0",
		"CORS_ORIGINS": "http://app.example.com", "EXPLORER": "on", "PORT": "x", "DATABSE_WAIT": "0", "REKEY_ISSUER": "https://a",
	}
	a := ask(t, env, "", "doctor", "--env-file", file)
	for _, want := range []string{
		`failed   settings: PORT: "x": must be`, "did you mean DATABASE_WAIT?", "did you mean ISSUER?", "did you mean REFRESH_TTL?",
		"NONSENSE in " + file + " is not a setting", "warning  settings.RATE_LIMITS: off", "warning  settings.ADMIN_ADDR: 8.8.8.8:9090",
		"warning  settings.TRUSTED_PROXIES", "warning  settings.CORS_ORIGINS", "warning  settings.EXPLORER", "warning  settings.DATABASE_URL: no TLS",
		dir + " has mode 0777", file + " has mode 0644", "failed   database: ", "warning  redis.maxmemory-policy: allkeys-lru",
		"-> CONFIG SET maxmemory-policy noeviction", " failed, ",
	} {
		if !strings.Contains(a.out, want) {
			t.Errorf("it does not say %q", want)
		}
	}
	if a.code != 1 || t.Failed() || strings.Contains(a.out, "hunter2") {
		t.Errorf("%d\n%s%s", a.code, a.out, a.err)
	}
}

// TestDoctor_masterKey: doctor reports a key ring that this process could not
// open.
func TestDoctor_masterKey(t *testing.T) {
	env := map[string]string{"DATA_DIR": t.TempDir()}
	start(t, env).terminate()
	env["MASTER_KEY"] = strings.Repeat("5a", 32)
	examine(t, env).want(t, 1, "failed keys: the ", "ok keys.access: ")
	if p := spawn(t, env); p.wait() != 3 || !strings.Contains(p.out.String(), "master.key in DATA_DIR is that one") {
		t.Errorf("it starts with another master key:\n%s", p.out)
	}
	env["MASTER_KEY_PREVIOUS_FILE"] = filepath.Join(env["DATA_DIR"], "master.key")
	start(t, env).terminate()
	examine(t, env).want(t, 7, "warning keys.master: some keys")
	runKeys(t, env, "reencrypt")
	delete(env, "MASTER_KEY_PREVIOUS_FILE")
	start(t, env).terminate()
	env["MASTER_KEY"] = strings.Repeat("a5", 32)
	if err := os.Remove(filepath.Join(env["DATA_DIR"], "master.key")); err != nil {
		t.Fatal(err)
	}
	examine(t, env).want(t, 1, "failed keys: the ", "ok keys.access: ", "ok database.migrations")
}

// TestDoctor_untrustedProxy: doctor reports what the running service has refused,
// and that a proxy is not trusted.
func TestDoctor_untrustedProxy(t *testing.T) {
	env := map[string]string{"DATA_DIR": t.TempDir(), "ADMIN_ADDR": freeAddr(t), "LIMITS": "address=1/h:1"}
	p := start(t, env)
	for range 3 {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/auth/refresh", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Forwarded-For", "198.51.100.7")
		res, err := httpClient().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
	}
	examine(t, env).want(t, 7, "ok limits.address: 1/h, burst 1, by address (default: 10/s, burst 30); refused 2 since the start of the service",
		"warning settings.TRUSTED_PROXIES: 3 requests named their client")
	if n := strings.Count(p.out.String(), `msg="header of a proxy is ignored"`); n != 1 {
		t.Errorf("%d lines about the proxy:\n%s", n, p.out)
	}
}
