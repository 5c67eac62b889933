package e2e

import (
	"database/sql"
	"fmt"
	"sync"
	"testing"

	"rekey/internal/throwaway"
)

// TestServe_connections: however many ask at once, the process keeps to its
// connections, and everybody is answered.
func TestServe_connections(t *testing.T) {
	const clients, conns = 48, 3
	url := throwaway.Postgres(t)
	p := start(t, map[string]string{
		"DATABASE_URL": url, "DATA_DIR": t.TempDir(), "RATE_LIMITS": "off", "DATABASE_MAX_CONNS": fmt.Sprint(conns),
	})
	c := httpClient()
	tokens := []string{signUp(t, c, p.URL, "ada@example.com").Refresh}
	for len(tokens) < clients {
		tokens = append(tokens, logIn(t, c, p.URL, "ada@example.com").Refresh)
	}
	var wg sync.WaitGroup
	for i, token := range tokens {
		wg.Go(func() {
			for range 5 {
				got, err := refresh(c, []door{graphqlDoor, restDoor}[i%2], p.URL, token, "")
				if err != nil || got.Problem != "" {
					t.Errorf("client %d: %+v, %v", i, got, err)
					return
				}
				token = got.Refresh
			}
		})
	}
	wg.Wait()
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	// Connections stay when idle: what is open now is what was opened.
	var open int
	err = db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE application_name = 'rekey' AND datname = current_database()`).Scan(&open)
	if err != nil || open != conns {
		t.Errorf("%d connections are open, want %d (%v)", open, conns, err)
	}
}
