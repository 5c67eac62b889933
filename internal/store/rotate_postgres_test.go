package store

import (
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/throwaway"
)

// TestPostgresBatch: Postgres accepts the statement of a batch. If it did not,
// every rotation would be tried alone, and only the speed would show it.
func TestPostgresBatch(t *testing.T) {
	s, err := Open(t.Context(), Options{URL: throwaway.Postgres(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	var batch []*pending
	for _, id := range []string{"0192f3c4-0000-7000-8000-000000000001", "0192f3c4-0000-7000-8000-000000000002"} {
		batch = append(batch, &pending{rotation: auth.Rotation{SessionID: id, UserID: id, Now: time.Unix(1, 0), IssuedAt: time.Unix(1, 0)}})
	}
	if err := s.rotations.batch(t.Context(), batch); err != nil {
		t.Error(err)
	}
	for _, p := range batch {
		if p.found {
			t.Error("a session was found that does not exist")
		}
	}
}
