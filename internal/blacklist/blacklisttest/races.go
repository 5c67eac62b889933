package blacklisttest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
)

const (
	racers   = 32
	sessions = 50 // a racer
)

// runRaces has racers note their own sessions and look at them, with rounds
// going on: a token is clear before its own invalidation and never after.
func runRaces(t *testing.T, open func(t *testing.T) Trust) {
	t.Run("racers", func(t *testing.T) {
		h := open(t)
		h.mature(t)
		var wg sync.WaitGroup
		for racer := range racers {
			wg.Go(func() { h.race(t, racer) })
		}
		wg.Go(func() {
			for range sessions {
				if err := h.Cache.Round(t.Context()); err != nil {
					t.Errorf("Round: %v", err)
				}
			}
		})
		wg.Wait()
	})
}

func (h Trust) race(t *testing.T, racer int) {
	now := h.Clock.Now()
	for i := range sessions {
		id := fmt.Sprintf("session-%d-%d", racer, i)
		if !h.Cache.KnownValid(t.Context(), id, secret(), now) {
			t.Errorf("%s: not clear before its invalidation", id)
		}
		if err := h.Cache.Invalidate(t.Context(), auth.Invalidation{SessionID: id, Until: now.Add(time.Minute)}); err != nil {
			t.Errorf("%s: Invalidate: %v", id, err)
		}
		if h.Cache.KnownValid(t.Context(), id, secret(), now) {
			t.Errorf("%s: clear after its invalidation", id)
		}
	}
}
