package store

import (
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/throwaway"
)

// Expired rows are found by an index: the clock is read once, not for each row.
func TestStore_PostgresCleanPlan(t *testing.T) {
	s, err := Open(t.Context(), Options{URL: throwaway.Postgres(t) + "&options=-c%20enable_seqscan%3Doff"})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for table, key := range map[string]string{"sessions": "id", "blacklisted_tokens": "session_id, secret_hash, use", "one_time_tokens": "hash", "mails": "id"} {
		lines, err := query[string](t.Context(), s, "EXPLAIN "+s.deleteExpired(table, key), params{"margin": 1, "limit": 1})
		if err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(lines, "\n"); !strings.Contains(plan, "Index Cond: (expires_at <=") {
			t.Errorf("%s are read as a whole:\n%s", table, plan)
		}
	}
	where, p := eventCondition(auth.JournalQuery{UserID: auth.FirstID(time.Time{}).String(), OlderThan: auth.FirstID(time.Time{}).String(), Limit: 1})
	for statement, test := range map[string]struct {
		p    params
		cond string
	}{
		s.deleteOldEvents(): {params{"before": auth.FirstID(time.Time{}).String(), "limit": 1}, "Index Cond: (id < '"},
		`SELECT id FROM security_events WHERE ` + where + ` ORDER BY id DESC LIMIT @limit`: {p, "Backward using security_events_user_id"},
	} {
		lines, err := query[string](t.Context(), s, "EXPLAIN "+statement, test.p)
		if err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(lines, "\n"); !strings.Contains(plan, test.cond) || strings.Contains(plan, "Sort") {
			t.Errorf("%s reads the whole journal:\n%s", statement, plan)
		}
	}
}
