package store

import (
	"path/filepath"
	"strings"
	"testing"

	"rekey/internal/auth"
)

// What is looked for every second has an index in its order.
func TestFeed_indexes(t *testing.T) {
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "rekey.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for kind, want := range map[auth.FeedKind]string{
		auth.FeedRevoked: "INDEX sessions_revoked_at", auth.FeedRefresh: "INDEX sessions_refresh_blacklisted_at",
		auth.FeedAccess: "INDEX blacklisted_tokens_blacklisted_at", auth.FeedRotated: "USING INDEX sqlite_autoindex_sessions_1 (id>? AND id<?)",
	} {
		statement, err := feedStatement(kind)
		if err != nil {
			t.Fatal(err)
		}
		var id, parent, unused int
		var plan string
		rows, err := query(t.Context(), s.read, "EXPLAIN QUERY PLAN "+statement,
			params{"at": 0, "session": "", "last": "", "secret": []byte{}, "limit": 1},
			func(line *string) []any { return []any{&id, &parent, &unused, line} })
		if err != nil {
			t.Fatal(err)
		}
		if plan = strings.Join(rows, "; "); !strings.Contains(plan, want) {
			t.Errorf("%s: %s", kind, plan)
		}
	}
}
