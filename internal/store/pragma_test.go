package store

import "testing"

// The settings of SQLite's connections: a commit is on disk before it is reported,
// references are checked, and readers cannot write.
func TestStore_SQLitePragmas(t *testing.T) {
	s, _ := openLogged(t)
	pragma := func(name string, write bool) (value string) {
		t.Helper()
		db := s.read.db
		if write {
			db = s.begin.db
		}
		if err := db.Raw("PRAGMA " + name).Row().Scan(&value); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return value
	}
	for name, want := range map[string]string{
		"synchronous": "2", "journal_mode": "wal", "foreign_keys": "1", "busy_timeout": "250",
	} {
		if got := pragma(name, true); got != want {
			t.Errorf("%s is %s, want %s", name, got, want)
		}
	}
	if got := pragma("query_only", false); got != "1" {
		t.Errorf("readers' query_only is %s", got)
	}
}
