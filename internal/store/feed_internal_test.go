package store

import (
	"path/filepath"
	"strings"
	"testing"

	"rekey/internal/auth"
)

// The queries that run every second have an index in their order.
func TestFeed_indexes(t *testing.T) {
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "rekey.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	type step struct {
		ID, Parent, Unused int
		Detail             string
	}
	for kind, want := range map[auth.ChangeKind]string{
		auth.ChangeRevoked: "INDEX sessions_revoked_at", auth.ChangeRefresh: "INDEX sessions_refresh_blacklisted_at",
		auth.ChangeAccess: "INDEX blacklisted_tokens_blacklisted_at", auth.ChangeRotated: "USING INDEX sqlite_autoindex_sessions_1 (id>? AND id<?)",
	} {
		statement, err := feedStatement(kind)
		if err != nil {
			t.Fatal(err)
		}
		rows, err := query[step](t.Context(), s, "EXPLAIN QUERY PLAN "+statement,
			params{"at": 0, "session": "", "last": "", "secret": []byte{}, "limit": 1})
		if err != nil {
			t.Fatal(err)
		}
		if plan := strings.Join(values(rows, func(s step) string { return s.Detail }), "; "); !strings.Contains(plan, want) {
			t.Errorf("%s: %s", kind, plan)
		}
	}
}
