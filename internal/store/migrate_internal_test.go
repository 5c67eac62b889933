package store

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/pressly/goose/v3"

	"rekey/internal/auth"
	"rekey/internal/test/throwaway"
)

// The migration keeps the reports of an earlier version that still runs or just
// ended: they limit which caches and keys the others trust.
func TestMigrate_replicas(t *testing.T) {
	for name, o := range map[string]Options{
		"SQLite":   {Path: filepath.Join(t.TempDir(), "rekey.db")},
		"Postgres": {URL: throwaway.Postgres(t) + "&options=-c%20default_transaction_isolation%3Dserializable"},
	} {
		t.Run(name, func(t *testing.T) {
			o.DatabaseClock = "1000000000"
			s, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			provider, err := goose.NewProvider(s.dialect.goose, s.pools[0], s.dialect.migrations, goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(s.goMigrations()...))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := provider.UpTo(t.Context(), 6); err != nil {
				t.Fatal(err)
			}
			for _, statement := range []string{
				`INSERT INTO replica_notes (replica, nodes, written_at) VALUES ('a', '["run1"]', 999000000), ('b', 'null', 998000000)`,
				`INSERT INTO key_notes (replica, keys, written_at) VALUES ('k', '{"access":{"file":true,"signs":"x","knows":["x"]}}', 997000000)`,
			} {
				if _, err := s.pools[0].ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			if n, err := s.Migrate(t.Context()); err != nil || n == 0 {
				t.Fatalf("%d migrations, %v", n, err)
			}
			list, err := s.Replicas(t.Context(), time.Minute)
			if err != nil || len(list) != 3 {
				t.Fatalf("%+v, %v", list, err)
			}
			a, b, k := list[0], list[1], list[2]
			if !a.Joined || a.Age != time.Second || len(a.Nodes) != 1 || a.Nodes[0] != "run1" || !b.Joined || b.Age != 2*time.Second || b.Nodes != nil {
				t.Errorf("nodes: %+v, %+v", a, b)
			}
			if k.Joined || k.Age != 3*time.Second || !k.Keys[auth.KeyAccess].File || k.Keys[auth.KeyAccess].Signs != "x" {
				t.Errorf("keys: %+v", k)
			}
			if _, err := provider.DownTo(t.Context(), 6); err != nil {
				t.Fatalf("rolling back: %v", err)
			}
		})
	}
}
