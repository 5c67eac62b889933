package store_test

import (
	"errors"
	"io/fs"
	"os"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

// TestStore_ReadOnly: a store that is opened read-only describes a database,
// migrated or not, and changes nothing in it.
func TestStore_ReadOnly(t *testing.T) {
	for name, o := range map[string]store.Options{"SQLite": {Path: sqlitePath(t)}, "Postgres": {URL: throwaway.Postgres(t)}} {
		t.Run(name, func(t *testing.T) {
			plain, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			if err := plain.Close(); err != nil {
				t.Fatal(err)
			}
			reading := o
			reading.ReadOnly = true
			if f := facts(t, reading); f.Schema != 0 || f.Newest < 5 {
				t.Errorf("before migrations: %+v", f)
			}
			open(t, o)
			f := facts(t, reading)
			if f.Schema != f.Newest || f.Version == "" || f.Standby || len(f.Settings) < 3 {
				t.Errorf("after migrations: %+v", f)
			}
			s, err := store.Open(t.Context(), reading)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			if err := s.AddUser(t.Context(), auth.User{ID: "0195e3a0-0000-7000-8000-000000000001", EmailKey: "a"}, nil); err == nil {
				t.Error("a user was added")
			}
		})
	}
}

// TestStore_Facts_replicas: only replicas that serve are counted. The clock stands
// still, so that their reports are recent even on a slow machine.
func TestStore_Facts_replicas(t *testing.T) {
	for name, o := range map[string]store.Options{"SQLite": {Path: sqlitePath(t)}, "Postgres": {URL: throwaway.Postgres(t)}} {
		t.Run(name, func(t *testing.T) {
			o.DatabaseClock = "1000000000"
			s := open(t, o)
			for _, replica := range []string{"A", "B", auth.CommandReplica + "C"} {
				if err := s.SetReplicaNodes(t.Context(), replica, []string{"node"}); err != nil {
					t.Fatal(err)
				}
			}
			o.ReadOnly = true
			if f := facts(t, o); f.Replicas != 2 {
				t.Errorf("%d replicas", f.Replicas)
			}
		})
	}
}

func facts(t *testing.T, o store.Options) store.Facts {
	t.Helper()
	s, err := store.Open(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	f, err := s.Facts(t.Context())
	if err != nil {
		t.Fatal(errors.Unwrap(err))
	}
	return f
}

func TestStore_ReadOnly_missing(t *testing.T) {
	path := sqlitePath(t)
	if s, err := store.Open(t.Context(), store.Options{Path: path, ReadOnly: true}); err == nil {
		t.Errorf("the missing file was opened: %v", s.Close())
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file was created: %v", err)
	}
	if err := os.MkdirAll(path[:len(path)-len("rekey.db")], 0o700); err != nil {
		t.Fatal(err)
	}
	if s, err := store.Open(t.Context(), store.Options{Path: path, ReadOnly: true}); err == nil {
		t.Errorf("the missing file was opened: %v", s.Close())
	}
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file was created: %v", err)
	}
}
