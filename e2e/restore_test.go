package e2e

import (
	"bytes"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"rekey/internal/test/throwaway"
)

// TestRestore follows the procedure of docs/how-to/backup.md: it checks the tokens
// issued after the backup, and the command that revokes older sessions.
func TestRestore(t *testing.T) {
	server := throwaway.StartPostgres(t)
	dump, psql := throwaway.LookPath(t, "pg_dump", "postgresql-client"), throwaway.LookPath(t, "psql", "postgresql-client")
	env := map[string]string{"DATABASE_URL": server.Database(t), "MASTER_KEY": strings.Repeat("5a", 32)}
	p, c := start(t, env), httpClient()

	lost, kept := signUp(t, c, p.URL, "lost@example.com"), signUp(t, c, p.URL, "kept@example.com")
	loggedOut, replayed := signUp(t, c, p.URL, "out@example.com"), signUp(t, c, p.URL, "replayed@example.com")
	backedUp := time.Now().Unix()
	backup := pipe(t, nil, dump, "--no-owner", env["DATABASE_URL"])

	// The iat of a token has a resolution of one second.
	eventually(t, "the next second", func() bool { return time.Now().Unix() > backedUp })
	lostNext := mustRefresh(t, c, p.URL, lost.Refresh)
	mustRefresh(t, c, p.URL, replayed.Refresh)
	if problem, _, err := graphql(c, p.URL, loggedOut.Refresh, `mutation { logout }`, nil, &struct{}{}); err != nil || problem != "" {
		t.Fatalf("log out: %s, %v", problem, err)
	}
	if code := p.terminate(); code != 0 {
		t.Fatalf("exit code %d:\n%s", code, p.out)
	}

	env["DATABASE_URL"] = server.Database(t)
	pipe(t, backup, psql, "-q", "-v", "ON_ERROR_STOP=1", "-d", env["DATABASE_URL"])
	p = start(t, env)
	if got, err := refresh(c, graphqlTransport, p.URL, lostNext.Refresh, ""); err != nil || got.Problem != "SESSION_UNKNOWN" {
		t.Errorf("a token of after the backup: %+v, %v", got, err)
	}
	// The command is needed because the backup does not know that these tokens
	// are invalid.
	for what, token := range map[string]string{"a token that was used": replayed.Refresh, "a session that was logged out": loggedOut.Refresh} {
		if got, err := refresh(c, graphqlTransport, p.URL, token, ""); err != nil || got.Problem != "" {
			t.Errorf("%s: %+v, %v", what, got, err)
		}
	}
	if problem := me(t, c, p.URL, kept.Access); problem != "" {
		t.Errorf("a session to which nothing had happened: %s", problem)
	}
	revoke := spawn(t, env, "sessions", "revoke", "--all", "--issued-before", time.Now().UTC().Format(time.RFC3339))
	if code := revoke.wait(); code != 0 || !strings.Contains(revoke.out.String(), "4 sessions revoked") {
		t.Fatalf("exit code %d:\n%s", code, revoke.out)
	}
	if got, err := refresh(c, restTransport, p.URL, kept.Refresh, ""); err != nil || got.Problem == "" {
		t.Errorf("refresh after the command: %+v, %v", got, err)
	}
	if problem := me(t, c, p.URL, kept.Access); problem != "SESSION_REVOKED" {
		t.Errorf("access after the command: %q", problem)
	}
	mustRefresh(t, c, p.URL, logIn(t, c, p.URL, "kept@example.com").Refresh)
}

// TestSessions_revokeAll runs beside a busy server, on every engine.
func TestSessions_revokeAll(t *testing.T) {
	for _, engine := range engines() {
		t.Run(engine.name, func(t *testing.T) {
			env := engine.env(t)
			p, c := start(t, env), httpClient()
			mine := signUp(t, c, p.URL, "ada@example.com")
			revoke := func(code int, want string, args ...string) {
				t.Helper()
				cmd := spawn(t, env, append([]string{"sessions", "revoke"}, args...)...)
				if got := cmd.wait(); got != code || !strings.Contains(cmd.out.String(), want) {
					t.Errorf("%v: exit code %d:\n%s", args, got, cmd.out)
				}
			}
			revoke(2, "--all")
			revoke(2, "takes a time", "--all", "--issued-before", "yesterday")
			revoke(2, "future", "--all", "--issued-before", "2999-01-01T00:00:00Z")
			revoke(2, "--all", "--all", "--user", "ada@example.com")
			revoke(0, `{"ended":0}`, "--all", "--json", "--issued-before", "2020-01-01T00:00:00Z")
			if problem := me(t, c, p.URL, mine.Access); problem != "" {
				t.Fatal(problem)
			}
			revoke(0, `{"ended":1}`, "--all", "--json")
			if problem := me(t, c, p.URL, mine.Access); problem != "SESSION_REVOKED" {
				t.Errorf("access token: %q", problem)
			}
			if got, err := refresh(c, restTransport, p.URL, mine.Refresh, ""); err != nil || got.Problem != "token is blacklisted" {
				t.Errorf("refresh token: %+v, %v", got, err)
			}
		})
	}
}

func mustRefresh(t *testing.T, c *http.Client, base, token string) answer {
	t.Helper()
	got, err := refresh(c, restTransport, base, token, "")
	if err != nil || got.Problem != "" {
		t.Fatalf("refresh: %+v, %v", got, err)
	}
	return got
}

// pipe runs a program of Postgres and returns its output. The URL contains the
// password, which only this test's server accepts.
func pipe(t *testing.T, in []byte, program string, args ...string) []byte {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = bytes.NewReader(in)
	var out, complaints bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaints
	if err := cmd.Run(); err != nil {
		t.Fatalf("%s: %v\n%s", program, err, complaints.String())
	}
	return out.Bytes()
}
