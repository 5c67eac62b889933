package store_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/store/storetest"
	"rekey/internal/test/throwaway"
)

// The contract holds behind PgBouncer, also if each transaction may get another
// server connection.
func TestStore_PgBouncer(t *testing.T) {
	t.Parallel()
	for _, mode := range []string{"session", "transaction"} {
		t.Run(mode, func(t *testing.T) {
			storetest.Run(t, func(t *testing.T) (storetest.Store, storetest.Clock) {
				database := throwaway.Postgres(t)
				p := throwaway.StartPgBouncer(t, database, mode, "server_round_robin = 1", "default_pool_size = 25")
				s := open(t, store.Options{URL: p.URL(), DatabaseClock: tableClockExpression})
				return s, newTableClock(t, "pgx", database)
			})
		})
	}
}

func TestOpen_PgBouncerRefuses(t *testing.T) {
	t.Parallel()
	database := throwaway.Postgres(t)
	for name, test := range map[string]struct{ mode, parameter, want string }{
		"StatementMode":    {"statement", "", "statement mode"},
		"StartupParameter": {"transaction", "&statement_timeout=5000", "statement_timeout"},
		"Options":          {"session", "&options=-c%20lock_timeout%3D3s", "options"},
	} {
		t.Run(name, func(t *testing.T) {
			p := throwaway.StartPgBouncer(t, database, test.mode)
			begin := time.Now()
			_, err := store.Open(t.Context(), store.Options{URL: p.URL() + test.parameter, Wait: time.Minute})
			checkUnusable(t, err, test.want)
			if took := time.Since(begin); took > 30*time.Second {
				t.Errorf("took %s", took)
			}
		})
	}
}

// A column changes its type while requests run. No call fails.
func TestStore_ColumnTypeChanges(t *testing.T) {
	t.Parallel()
	database := throwaway.Postgres(t)
	db := connect(t, database)
	change := func(t *testing.T, statement string) {
		t.Helper()
		if _, err := db.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	run := func(t *testing.T, address string) {
		s := open(t, store.Options{URL: address, MaxOpenConns: 8})
		u, r := signUp(t, s)
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		var calls atomic.Int64
		for range 8 {
			wg.Go(func() {
				for ctx.Err() == nil {
					calls.Add(1)
					_, err1 := s.UserByID(t.Context(), u.ID)
					_, err2 := s.SessionState(t.Context(), r.SessionID, r.Current)
					_, err3 := s.Rotate(t.Context(), r)
					err4 := s.EnableUser(t.Context(), u.ID, u.CreatedAt, nil)
					for _, err := range []error{err1, err2, err3, err4} {
						if err != nil && !errors.Is(err, auth.ErrMovedOn) {
							t.Errorf("error is %v (%v)", err, auth.AsError(err).Err)
							cancel()
						}
					}
				}
			})
		}
		for i := range 6 {
			want := calls.Load() + 40
			eventually(t, func() bool { return ctx.Err() != nil || calls.Load() > want })
			change(t, "ALTER TABLE users ALTER COLUMN name TYPE "+[]string{"varchar(200)", "text"}[i%2])
		}
		cancel()
		wg.Wait()
	}
	t.Run("Direct", func(t *testing.T) { run(t, database) })
	t.Run("PgBouncer", func(t *testing.T) {
		run(t, throwaway.StartPgBouncer(t, database, "transaction").URL())
	})
}

// checkUnusable fails the test unless an error of Open says that the settings
// can never work, and why.
func checkUnusable(t *testing.T, err error, want string) {
	t.Helper()
	if err == nil || !store.Refused(err) {
		t.Fatalf("error is %v (%v), want one that waiting cannot resolve", err, auth.Cause(err))
	}
	if text := auth.Cause(err).Error(); !strings.Contains(text, want) || !strings.Contains(text, "DATABASE_URL") {
		t.Errorf("error is %q, want DATABASE_URL and %q", text, want)
	}
}
