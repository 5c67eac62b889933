package blacklist_test

import (
	"context"
	"database/sql"
	"path/filepath"
	"testing"
	"time"

	_ "github.com/glebarez/sqlite"
	_ "github.com/jackc/pgx/v5/stdlib"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/blacklist/blacklisttest"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// database holds a real store of notes, whose clock the test sets.
type database struct {
	store *store.Store
	db    *sql.DB
}

func openDatabase(t testing.TB, driver, dsn string, o store.Options) *database {
	t.Helper()
	o.DatabaseClock, o.Timeout = "(SELECT micros FROM test_clock)", patient
	st, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = st.Close() })
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	d := &database{store: st, db: db}
	d.exec(t, "CREATE TABLE test_clock (micros BIGINT NOT NULL)")
	d.exec(t, "INSERT INTO test_clock VALUES (0)")
	return d
}

func openPostgres(t *testing.T) *database {
	t.Helper()
	url := throwaway.Postgres(t)
	return openDatabase(t, "pgx", url, store.Options{URL: url})
}

func openSQLite(t *testing.T) *database {
	t.Helper()
	path := filepath.Join(t.TempDir(), "rekey.db")
	return openDatabase(t, "sqlite", path+"?_pragma=busy_timeout(60000)", store.Options{Path: path})
}

func (d *database) exec(t testing.TB, statement string, args ...any) {
	t.Helper()
	if _, err := d.db.ExecContext(context.WithoutCancel(t.Context()), statement, args...); err != nil {
		t.Errorf("%s: %v", statement, err)
	}
}

// stage sets one up on this database, without the notes of earlier ones.
func (d *database) stage(t testing.TB) *stage {
	t.Helper()
	d.exec(t, "DELETE FROM replicas")
	s := newStage(t)
	s.notes = blacklisttest.WrapNotes(d.store)
	s.clock.Follow(func(now time.Time) { d.exec(t, "UPDATE test_clock SET micros = $1", now.UnixMicro()) })
	return s
}

// TestTrust_SQL runs the suite on notes in real databases.
func TestTrust_SQL(t *testing.T) {
	server := throwaway.Redis(t)
	client := raw(t, server.Addr())
	for name, open := range map[string]func(*testing.T) *database{"Postgres": openPostgres, "SQLite": openSQLite} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			blacklisttest.RunTrust(t, func(t *testing.T) blacklisttest.Trust {
				do(t, client, "FLUSHALL")
				s := d.stage(t)
				return s.trust(openRedis(t, s, server.URL()), func(t *testing.T) { do(t, client, "FLUSHALL") })
			})
		})
	}
}

// A replica that starts reports its keys before its nodes. Until it has joined it
// changes no session, so it does not affect what the others trust. Its keys do
// not replace its nodes either.
func TestTrust_SQL_keys(t *testing.T) {
	for name, open := range map[string]func(*testing.T) *database{"Postgres": openPostgres, "SQLite": openSQLite} {
		t.Run(name, func(t *testing.T) {
			d := open(t)
			s := d.stage(t)
			c := blacklist.NewMemory(s.options())
			trusted := func(when string, want bool) {
				t.Helper()
				if err := c.Round(t.Context()); err != nil {
					t.Fatal(err)
				}
				if got := c.Status(); got.Trusted != want {
					t.Errorf("%s: %+v", when, got)
				}
			}
			keys := map[auth.KeyPurpose]auth.ReplicaKeys{auth.KeyAccess: {File: true, Signs: "a", Knows: []string{"a"}}}
			if err := d.store.SetReplicaKeys(t.Context(), "other", keys); err != nil {
				t.Fatal(err)
			}
			trusted("the other replica starts", true)
			if err := d.store.SetReplicaNodes(t.Context(), "other", nil); err != nil {
				t.Fatal(err)
			}
			if err := d.store.SetReplicaKeys(t.Context(), "other", nil); err != nil {
				t.Fatal(err)
			}
			trusted("it writes to no node, and withdrew its keys", false)
		})
	}
}
