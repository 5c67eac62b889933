package blacklist_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"rekey/internal/blacklist"
)

func TestNone(t *testing.T) {
	t.Run("never clear", func(t *testing.T) {
		s := newStage(t)
		c := blacklist.NewNone(s.options())
		if err := c.Join(t.Context()); err != nil {
			t.Fatalf("Join: %v", err)
		}
		s.later(t, c, time.Hour)
		wantKnownValid(t, c, s.clock.Now(), false)
		if st := c.Status(); st.Trusted || st.Reason == "" {
			t.Errorf("status %+v", st)
		}
		if log := s.log.String(); log != "" {
			t.Errorf("logged what the operator chose: %s", log)
		}
	})
	t.Run("a note precedes a change", func(t *testing.T) {
		s := newStage(t)
		c := blacklist.NewNone(s.options())
		mustInvalidate(t, c, s.invalidation())
		if all := s.notes.All(); len(all) != 1 {
			t.Errorf("notes %v, want one", all)
		}
		s.clock.Advance(3 * time.Second)
		s.notes.Fail(errors.New("no database"))
		wantUnavailable(t, c.Invalidate(t.Context(), s.invalidation()))
	})
}

func TestCache_Run(t *testing.T) {
	s := newStage(t)
	c := blacklist.NewMemory(s.options())
	ctx, cancel := context.WithCancel(t.Context())
	rounds := 0
	s.notes.OnWrite(func([]string) {
		if rounds++; rounds == 3 {
			cancel()
		}
	})
	c.Run(ctx)
	if rounds < 3 || s.waited() < 3 {
		t.Errorf("%d rounds, %d waits", rounds, s.waited())
	}
	if log := s.log.String(); log != "" {
		t.Errorf("the end of Run was logged: %s", log)
	}
}

func TestCache_Sweep(t *testing.T) {
	s := newStage(t)
	c := blacklist.NewNone(s.options())
	if err := s.notes.SetReplicaNodes(t.Context(), "long gone", nil); err != nil {
		t.Fatal(err)
	}
	s.later(t, c, 24*time.Hour)
	if _, there := s.notes.All()["long gone"]; !there {
		t.Error("a note of yesterday is gone")
	}
	s.later(t, c, time.Hour)
	if all := s.notes.All(); len(all) != 1 {
		t.Errorf("notes %v, want only our own", all)
	}
}
