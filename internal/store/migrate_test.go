package store_test

import (
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"rekey/internal/store"
	"rekey/internal/test/throwaway"
)

const migrators = 8

// Replicas that start at the same time apply each migration once in total.
func TestStore_MigrateTogether(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		migrateTogether(t, store.Options{Path: sqlitePath(t)})
	})
	t.Run("Postgres", func(t *testing.T) {
		migrateTogether(t, store.Options{URL: throwaway.Postgres(t)})
	})
}

func migrateTogether(t *testing.T, o store.Options) {
	var applied atomic.Int64
	var wg sync.WaitGroup
	for range migrators {
		wg.Go(func() {
			s, err := store.Open(t.Context(), o)
			if err != nil {
				t.Errorf("open: %v", err)
				return
			}
			n, err := s.Migrate(t.Context())
			if err != nil {
				t.Errorf("migrate: %v", err)
			}
			applied.Add(int64(n))
			if err := s.SetReplicaNodes(t.Context(), "a", nil); err != nil {
				t.Errorf("after migrating: %v", err)
			}
			if err := s.Close(); err != nil {
				t.Errorf("close: %v", err)
			}
		})
	}
	wg.Wait()
	files, err := filepath.Glob("migrations/sqlite/*.sql")
	if err != nil {
		t.Fatal(err)
	}
	all := len(files) + 1 // one is in Go
	if got := applied.Load(); got != int64(all) {
		t.Errorf("%d migrations were applied, want %d", got, all)
	}
	t.Run("OneStore", func(t *testing.T) { migrateAgain(t, o) })
}

func migrateAgain(t *testing.T, o store.Options) {
	s := open(t, o)
	var wg sync.WaitGroup
	for range 2 {
		wg.Go(func() {
			if n, err := s.Migrate(t.Context()); err != nil || n != 0 {
				t.Errorf("applied %d (%v), want none", n, err)
			}
		})
	}
	wg.Wait()
}
