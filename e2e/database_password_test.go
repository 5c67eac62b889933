package e2e

import (
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"rekey/internal/test/throwaway"
)

// TestDatabasePassword: the service reads a changed password from
// DATABASE_URL_FILE without a restart.
func TestDatabasePassword(t *testing.T) {
	server := throwaway.StartPostgres(t)
	file := filepath.Join(t.TempDir(), "url")
	u, err := url.Parse(server.URL())
	if err != nil {
		t.Fatal(err)
	}
	write := func(password string) {
		u.User = url.UserPassword("app", password)
		if err := os.WriteFile(file, []byte(u.String()+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	run := func(statement string) {
		if err := server.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	run("CREATE ROLE app SUPERUSER LOGIN PASSWORD 'hunter2first'")
	write("hunter2first")
	p := start(t, map[string]string{"DATABASE_URL_FILE": file, "DATA_DIR": t.TempDir()})
	c := httpClient()
	tokens := signUp(t, c, p.URL, "ada@example.org")
	run("ALTER ROLE app PASSWORD 'hunter2second'")
	write("hunter2second")
	run("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'")
	eventually(t, "a refresh succeeds", func() bool {
		a, err := refreshREST(c, p.URL, tokens.Refresh, "")
		return err == nil && a.Problem == ""
	})
}
