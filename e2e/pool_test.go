package e2e

import (
	"database/sql"
	"fmt"
	"sync"
	"testing"
	"time"

	"rekey/internal/test/throwaway"
)

// TestServe_connections: with any number of simultaneous requests, and
// however slow the database is, the process uses at most its configured
// connections, and every request is answered.
func TestServe_connections(t *testing.T) {
	const clients, conns = 48, 3
	url := throwaway.Postgres(t)
	p := start(t, map[string]string{
		"DATABASE_URL": url, "DATA_DIR": t.TempDir(), "RATE_LIMITS": "off", "DATABASE_MAX_CONNS": fmt.Sprint(conns),
	})
	c := httpClient()
	access := signUp(t, c, p.URL, "ada@example.com").Access
	if problem := me(t, c, p.URL, access); problem != "" { // also prepares the statements, one by one
		t.Fatal(problem)
	}
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	held, err := db.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := held.ExecContext(t.Context(), `LOCK TABLE users, sessions IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range clients {
		wg.Go(func() {
			problem := "UNAVAILABLE" // for requests that waited longer than a statement may take
			for problem == "UNAVAILABLE" {
				var err error
				if problem, _, err = graphql(c, p.URL, access, `{ me { email } }`, nil, &struct{}{}); err != nil {
					problem = err.Error()
				}
			}
			if problem != "" {
				t.Error(problem)
			}
		})
	}
	// Requests with a connection wait for the lock, the others wait for a
	// connection.
	const waiting = ` AND wait_event_type = 'Lock'`
	for deadline := time.After(patience); connections(t, db, waiting) != conns; {
		select {
		case <-time.After(20 * time.Millisecond):
		case <-deadline:
			t.Fatalf("%d connections wait for the lock, want %d", connections(t, db, waiting), conns)
		}
	}
	if err := held.Rollback(); err != nil {
		t.Fatal(err)
	}
	wg.Wait()
	// Idle connections stay open, so all connections that were opened are still
	// counted.
	if open := connections(t, db, ""); open != conns {
		t.Errorf("%d connections are open, want %d", open, conns)
	}
}

// connections counts the connections of the process that match a condition.
func connections(t *testing.T, db *sql.DB, condition string) (n int) {
	t.Helper()
	err := db.QueryRowContext(t.Context(), `SELECT count(*) FROM pg_stat_activity
		WHERE application_name = 'rekey' AND datname = current_database()`+condition).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}
