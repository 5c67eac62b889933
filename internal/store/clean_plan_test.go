package store

import (
	"strings"
	"testing"

	"rekey/internal/throwaway"
)

// What is over is found by its index: the clock is asked once, not for each row.
func TestStore_PostgresCleanPlan(t *testing.T) {
	s, err := Open(t.Context(), Options{URL: throwaway.Postgres(t) + "&options=-c%20enable_seqscan%3Doff"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for table, key := range map[string]string{"sessions": "id", "blacklisted_tokens": "session_id, secret_hash, use"} {
		lines, err := query(t.Context(), s.read, "EXPLAIN "+s.deleteExpired(table, key), params{"margin": 1, "limit": 1},
			func(line *string) []any { return []any{line} })
		if err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(lines, "\n"); !strings.Contains(plan, "Index Cond: (expires_at <=") {
			t.Errorf("%s are looked through:\n%s", table, plan)
		}
	}
}
