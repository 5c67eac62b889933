package store

import (
	"errors"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
)

// A prepared statement that the server does not know belongs to another
// connection: a pooler exchanged it. The statement is repeated, and no statement
// has a name from then on. The server here is one without a pooler, so that
// nothing is found when the connection is opened.
func TestConnector_lostStatements(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Options{URL: throwaway.Postgres(t), MaxOpenConns: 1, Logger: logcheck.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	find := func() {
		t.Helper()
		if _, err := s.UserByID(t.Context(), "0195c7c0-0000-7000-8000-000000000001"); !errors.Is(err, auth.ErrNotFound) {
			t.Fatalf("error is %v (%v)", err, auth.Cause(err))
		}
	}
	find()
	if s.connector.pooled.Load() {
		t.Fatal("found a pooler where there is none")
	}
	if _, err := s.pools[0].ExecContext(t.Context(), "DEALLOCATE ALL"); err != nil {
		t.Fatal(err)
	}
	find()
	if !s.connector.pooled.Load() {
		t.Error("still prepares statements that have a name")
	}
	var named int
	if err := s.pools[0].QueryRowContext(t.Context(), "SELECT count(*) FROM pg_prepared_statements").Scan(&named); err != nil || named != 0 {
		t.Errorf("%d prepared statements, %v", named, err)
	}
}
