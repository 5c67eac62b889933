package app

import (
	"database/sql"
	"io"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

// TestCommands_JoinLazily: beside a server, a command that only reads writes no
// note that would make the server distrust its cache. A command that is about to
// revoke something waits until the server must have read its note.
func TestCommands_JoinLazily(t *testing.T) {
	dir := t.TempDir()
	vars := map[string]string{"DATA_DIR": dir}
	c := &commands{
		env: Environment{Get: func(name string) string { return vars[name] }},
		std: Standard{Out: io.Discard, Err: io.Discard}, now: time.Now,
	}
	if _, err := c.migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", filepath.Join(dir, "rekey.db")+"?_pragma=busy_timeout(5000)")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	notes := func() (n int) {
		t.Helper()
		if err := db.QueryRow("SELECT count(*) FROM replicas").Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	// A server's note of one minute from now is fresh on a machine of any speed.
	if _, err := db.Exec(`INSERT INTO replicas (id, nodes, seen_at) VALUES ('server', '["memory"]', (unixepoch() + 60) * 1000000)`); err != nil {
		t.Fatal(err)
	}
	a, err := c.open(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = a.close() })
	if _, err := a.core.Users(t.Context(), auth.UserFilter{}, 1); err != nil || notes() != 1 {
		t.Errorf("after reading: %d notes, %v", notes(), err)
	}
	began := time.Now()
	if err := a.blacklist(command).Invalidate(t.Context(), auth.Invalidation{SessionID: "s", Until: began.Add(time.Hour)}); err != nil {
		t.Fatal(err)
	}
	if waited := time.Since(began); waited < 2*time.Second || notes() != 2 {
		t.Errorf("it waited %s, and there are %d notes", waited, notes())
	}
	var name string
	if err := db.QueryRow("SELECT id FROM replicas WHERE id <> 'server'").Scan(&name); err != nil || !strings.HasPrefix(name, auth.CommandReplica) {
		t.Errorf("the command's note is %q's, %v", name, err)
	}
}
