package e2e

import (
	"database/sql"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"rekey/internal/test/throwaway"
)

const (
	racers     = 64
	raceRounds = 200
)

// replicas starts two servers on one Postgres with the same keys.
func replicas(t *testing.T, more map[string]string) (a, b *process, db *sql.DB) {
	t.Helper()
	url := throwaway.Postgres(t)
	env := map[string]string{
		"DATABASE_URL": url, "DATA_DIR": t.TempDir(), "RATE_LIMITS": "off", "LOG_LEVEL": "warn",
		"REUSE_WINDOW": "1h", // a late request is still a racer
	}
	for k, v := range more {
		env[k] = v
	}
	a, b = start(t, env), start(t, env)
	db, err := sql.Open("pgx", url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return a, b, db
}

// race presents one token many times at once, through both servers and
// transports.
func race(t *testing.T, c *http.Client, a, b *process, token, key string) []answer {
	t.Helper()
	answers := make([]answer, racers)
	errs := make([]error, racers)
	gate := make(chan struct{})
	var wg sync.WaitGroup
	for i := range racers {
		d, base := graphqlTransport, a.URL
		if i%2 == 1 {
			d = restTransport
		}
		if i/2%2 == 1 {
			base = b.URL
		}
		wg.Go(func() {
			<-gate
			answers[i], errs[i] = refresh(c, d, base, token, key)
		})
	}
	close(gate)
	wg.Wait()
	for _, err := range errs {
		if err != nil {
			t.Fatal(err)
		}
	}
	return answers
}

func generation(t *testing.T, db *sql.DB) int {
	t.Helper()
	var n int
	if err := db.QueryRowContext(t.Context(), `SELECT generation FROM sessions`).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// TestRefresh_race: however many clients present one token at once, there is one
// successor, and all other answers report that the token is blacklisted.
func TestRefresh_race(t *testing.T) {
	a, b, db := replicas(t, nil)
	c := httpClient()
	token := signUp(t, c, a.URL, "ada@example.com").Refresh
	for round := range raceRounds {
		var won []answer
		for _, got := range race(t, c, a, b, token, "") {
			switch {
			case got.Problem == "":
				won = append(won, got)
			case got.Problem != "token is blacklisted" && got.Problem != "TOKEN_BLACKLISTED":
				t.Fatalf("round %d: %d %s", round, got.Status, got.Problem)
			}
		}
		if len(won) != 1 {
			t.Fatalf("round %d: %d of %d racers got a pair", round, len(won), racers)
		}
		if n := generation(t, db); n != round+2 {
			t.Fatalf("round %d: generation %d", round, n)
		}
		token = won[0].Refresh
	}
}

// TestRefresh_raceWithKey: with one idempotency key all requests get the same
// pair.
func TestRefresh_raceWithKey(t *testing.T) {
	a, b, db := replicas(t, nil)
	c := httpClient()
	token := signUp(t, c, a.URL, "ada@example.com").Refresh
	for round := range raceRounds {
		answers := race(t, c, a, b, token, fmt.Sprintf("idempotency-%06d", round))
		for i, got := range answers {
			if got.Problem != "" {
				t.Fatalf("round %d: %d %s", round, got.Status, got.Problem)
			}
			if got.Access != answers[0].Access || got.Refresh != answers[0].Refresh {
				t.Fatalf("round %d: racers %d and 0 got different pairs", round, i)
			}
			if got.ExpiresIn < 0 {
				t.Fatalf("round %d: expiresIn %d", round, got.ExpiresIn)
			}
		}
		if n := generation(t, db); n != round+2 {
			t.Fatalf("round %d: generation %d", round, n)
		}
		token = answers[0].Refresh
	}
}

// TestRefresh_againstLogout: whichever is processed first, no token of the
// session is valid after the logout is acknowledged.
func TestRefresh_againstLogout(t *testing.T) {
	const pairs, workers = 1000, 8
	a, b, _ := replicas(t, nil)
	c := httpClient()
	signUp(t, c, a.URL, "ada@example.com")
	tokens := make(chan pair)
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() {
			for p := range tokens {
				if err := logoutAgainstRefresh(t, c, a, b, p); err != nil {
					t.Error(err)
				}
			}
		})
	}
	for range pairs {
		tokens <- logIn(t, c, a.URL, "ada@example.com")
	}
	close(tokens)
	wg.Wait()
}

func logoutAgainstRefresh(t *testing.T, c *http.Client, a, b *process, p pair) error {
	var refreshed answer
	var refreshErr, logoutErr error
	var wg sync.WaitGroup
	wg.Go(func() { refreshed, refreshErr = refresh(c, restTransport, a.URL, p.Refresh, "") })
	wg.Go(func() { _, logoutErr = logout(c, b.URL, p.Refresh) })
	wg.Wait()
	if err := errors.Join(refreshErr, logoutErr); err != nil {
		return err
	}
	access, refreshTokens := []string{p.Access}, []string{p.Refresh}
	if refreshed.Problem == "" {
		access, refreshTokens = append(access, refreshed.Access), append(refreshTokens, refreshed.Refresh)
	}
	for _, token := range access {
		if problem := me(t, c, a.URL, token); problem != "SESSION_REVOKED" {
			return fmt.Errorf("an access token after logout: %q", problem)
		}
	}
	for _, token := range refreshTokens {
		got, err := refresh(c, graphqlTransport, a.URL, token, "")
		if err != nil {
			return err
		}
		if got.Problem != "SESSION_REVOKED" {
			return fmt.Errorf("a refresh token after logout: %q", got.Problem)
		}
	}
	return nil
}
