package e2e

import (
	"database/sql"
	"errors"
	"net/url"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"rekey/internal/test/throwaway"
)

// TestServe_leastPrivilege: the grants of deploy/serving-role.sql are enough to
// serve and to run commands. They allow no change of the schema or of journal
// rows. A role that may not migrate is reported at start-up.
func TestServe_leastPrivilege(t *testing.T) {
	server := throwaway.StartPostgres(t)
	owner := server.Database(t)
	u, err := url.Parse(owner)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword("rekey_serving", "serving")
	env := map[string]string{"DATA_DIR": t.TempDir(), "DATABASE_URL": owner}
	command(t, env, "migrate")
	execute(t, owner, deployFile(t, "serving-role.sql")+"ALTER ROLE rekey_serving PASSWORD 'serving'")
	env["DATABASE_URL"] = u.String()

	p, c := start(t, env), httpClient()
	current := signUp(t, c, p.URL, "ada@example.com").Refresh
	for range 2 {
		got, err := refresh(c, restTransport, p.URL, current, "")
		if err != nil || got.Problem != "" {
			t.Fatalf("%+v, %v", got, err)
		}
		current = got.Refresh
	}
	guess(t, c, p.URL)
	other := logIn(t, c, p.URL, "ada@example.com")
	runKeys(t, env, "rotate", "--purpose", "access")
	apiKeyFor(t, env, "blacklist:read")
	command(t, env, "users", "disable", "ada@example.com")
	eventually(t, "the account is barred", func() bool { return me(t, c, p.URL, other.Access) != "" })
	command(t, env, "migrate") // there is nothing left to do
	if code := p.terminate(); code != 0 {
		t.Errorf("exit code %d:\n%s", code, p.out)
	}

	for what, statement := range map[string]string{
		"a table": "CREATE TABLE x (y int)", "a column": "ALTER TABLE users ADD COLUMN x int", "no table": "DROP TABLE sessions",
		"an index": "CREATE INDEX ON sessions (created_at)", "an emptied table": "TRUNCATE users", "a role": "CREATE ROLE x",
		"the journal": "UPDATE security_events SET kind = kind", "the schema's version": "DELETE FROM goose_db_version",
	} {
		if err := run(t, u.String(), statement); !denied(err) {
			t.Errorf("%s: %v", what, err)
		}
	}

	execute(t, owner, "DELETE FROM goose_db_version WHERE version_id > 4; DROP TABLE security_events CASCADE")
	late := spawn(t, env)
	if code := late.wait(); code == 0 {
		t.Errorf("it serves on a schema that is not up to date:\n%s", late.out)
	}
}

func run(t *testing.T, address, statements string) error {
	t.Helper()
	db, err := sql.Open("pgx", address+"&default_query_exec_mode=simple_protocol")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	_, err = db.ExecContext(t.Context(), statements)
	return err
}

func execute(t *testing.T, address, statements string) {
	t.Helper()
	if err := run(t, address, statements); err != nil {
		t.Fatalf("%s: %v", statements, err)
	}
}

// denied reports whether err is insufficient_privilege.
func denied(err error) bool {
	var problem *pgconn.PgError
	return errors.As(err, &problem) && problem.Code == "42501"
}
