package store_test

import (
	"cmp"
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/store/storetest"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
)

func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }

// tableClock is a database clock that reads a row of a table.
type tableClock struct{ db *sql.DB }

const tableClockExpression = "(SELECT micros FROM test_clock)"

func newTableClock(t *testing.T, driver, dsn string) tableClock {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	c := tableClock{db: db}
	c.exec(t, "CREATE TABLE test_clock (micros bigint NOT NULL)")
	c.exec(t, "INSERT INTO test_clock VALUES (0)")
	return c
}

func (c tableClock) Set(tb testing.TB, now time.Time) {
	tb.Helper()
	c.exec(tb, "UPDATE test_clock SET micros = $1", now.UnixMicro())
}

func (c tableClock) exec(tb testing.TB, statement string, args ...any) {
	tb.Helper()
	if _, err := c.db.Exec(statement, args...); err != nil {
		tb.Fatalf("%s: %v", statement, err)
	}
}

// open opens and migrates a store that is closed after the test. Its default
// timeout is long, because the machine may be slow.
func open(t testing.TB, o store.Options) *store.Store {
	t.Helper()
	o.Timeout = cmp.Or(o.Timeout, time.Minute)
	if o.Logger == nil {
		o.Logger = logcheck.Logger(t)
	}
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatalf("open: %v (%v)", err, auth.AsError(err).Err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	if _, err := s.Migrate(context.WithoutCancel(t.Context())); err != nil {
		t.Fatalf("migrate: %v", err)
	}
	return s
}

func sqlitePath(t *testing.T) string { return filepath.Join(t.TempDir(), "data", "rekey.db") }

// bare returns a URL without the settings that throwaway adds.
func bare(address string) string {
	address, _, _ = strings.Cut(address, "&")
	return address
}

// withOption replaces the settings that throwaway adds to a Postgres URL by another
// one. As in libpq, a plus is not a space there.
func withOption(address, setting string) string {
	return bare(address) + "&options=" + strings.ReplaceAll(url.QueryEscape("-c "+setting), "+", "%20")
}

func TestStore_SQLite(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (storetest.Store, storetest.Clock) {
		path := sqlitePath(t)
		s := open(t, store.Options{Path: path, DatabaseClock: tableClockExpression})
		return s, newTableClock(t, "sqlite", "file:"+path)
	})
}

func TestStore_Postgres(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(t *testing.T) (storetest.Store, storetest.Clock) {
		return openPostgres(t, throwaway.Postgres(t))
	})
}

// The contract holds with every default isolation level of the server.
func TestStore_PostgresIsolation(t *testing.T) {
	t.Parallel()
	for name, setting := range map[string]string{
		"Serializable":   "default_transaction_isolation=serializable",
		"RepeatableRead": `default_transaction_isolation=repeatable\ read`,
	} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) (storetest.Store, storetest.Clock) {
				return openPostgres(t, withOption(throwaway.Postgres(t), setting))
			})
		})
	}
}

// The contract holds however the URL makes the driver send statements.
func TestStore_PostgresExecModes(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"cache_describe", "describe_exec"} {
		t.Run(mode, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) (storetest.Store, storetest.Clock) {
				return openPostgres(t, throwaway.Postgres(t)+"&default_query_exec_mode="+mode)
			})
		})
	}
}

func openPostgres(t *testing.T, address string) (storetest.Store, storetest.Clock) {
	t.Helper()
	s := open(t, store.Options{URL: address, DatabaseClock: tableClockExpression})
	return s, newTableClock(t, "pgx", address)
}
