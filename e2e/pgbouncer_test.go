package e2e

import (
	"strings"
	"testing"

	"rekey/internal/test/throwaway"
)

// TestPgBouncer: the service and doctor work behind PgBouncer without further
// settings. Where they cannot, both say why at once.
func TestPgBouncer(t *testing.T) {
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			env := map[string]string{"DATABASE_URL": throwaway.StartPgBouncer(t, throwaway.Postgres(t), mode).URL(), "DATA_DIR": t.TempDir()}
			p := start(t, env)
			c := httpClient()
			tokens := signUp(t, c, p.URL, "ada@example.org")
			for range 20 {
				a, err := refreshREST(c, p.URL, tokens.Refresh, "")
				if err != nil {
					t.Fatal(err)
				}
				tokens = pair{a.Access, a.Refresh}
			}
			examine(t, env).want(t, 7, "ok database: postgres")
		})
	}
	t.Run("Refused", func(t *testing.T) {
		env := map[string]string{"DATA_DIR": t.TempDir(), "DATABASE_WAIT": "10m",
			"DATABASE_URL": throwaway.StartPgBouncer(t, throwaway.Postgres(t), "transaction").URL() + "&lock_timeout=1000"}
		p := spawn(t, env)
		if code := p.wait(); code != 3 || !strings.Contains(p.out.String(), "DATABASE_URL") || !strings.Contains(p.out.String(), "lock_timeout") {
			t.Errorf("exit code %d:\n%s", code, p.out)
		}
		examine(t, env).want(t, 1, "failed database: DATABASE_URL")
	})
}
