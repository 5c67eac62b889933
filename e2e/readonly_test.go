package e2e

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"rekey/internal/test/throwaway"
)

// TestReadOnly: a database that refuses writes and keeps its connections shows in
// readiness and doctor, and the service works again when the database does.
func TestReadOnly(t *testing.T) {
	server := throwaway.StartPostgres(t)
	env := map[string]string{"DATABASE_URL": server.URL(), "DATA_DIR": t.TempDir()}
	p := start(t, env)
	c := httpClient()
	tokens := signUp(t, c, p.URL, "ada@example.org")
	readOnly := func(value string) {
		for _, statement := range []string{"ALTER SYSTEM SET default_transaction_read_only = " + value, "SELECT pg_reload_conf()"} {
			// The maintenance connection may be read-only already; ALTER SYSTEM works there.
			if err := server.Exec(statement); err != nil {
				t.Fatal(err)
			}
		}
	}
	ready := func() string {
		res, err := c.Get(p.URL + "/readyz")
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = res.Body.Close() }()
		body, err := io.ReadAll(res.Body)
		if err != nil || (res.StatusCode == http.StatusOK) == strings.Contains(string(body), "unavailable") {
			t.Fatalf("%d: %s (%v)", res.StatusCode, body, err)
		}
		return string(body)
	}
	examine(t, env).want(t, 0, "ok database.write: a write commits")
	readOnly("on")
	eventually(t, "readiness reports it", func() bool { return strings.Contains(ready(), "it accepts no writes") })
	// Each connection of the pool reloads the setting at a time of its own.
	refreshed := func() int {
		a, err := refreshREST(c, p.URL, tokens.Refresh, "")
		if err != nil {
			t.Fatal(err)
		}
		if a.Problem == "" {
			tokens.Refresh = a.Refresh
		} else if a.Status != http.StatusServiceUnavailable && a.Status != http.StatusTooManyRequests {
			t.Fatalf("%+v", a)
		}
		return a.Status
	}
	eventually(t, "refreshes are refused", func() bool { return refreshed() == http.StatusServiceUnavailable })
	examine(t, env).want(t, 1, "failed database.write: ", "ok database: postgres")
	readOnly("off")
	eventually(t, "the service works again", func() bool { return refreshed() == http.StatusCreated })
	eventually(t, "readiness passes again", func() bool { return !strings.Contains(ready(), "no writes") })
}
