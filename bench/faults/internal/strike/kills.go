package strike

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/world"
)

// kills returns faults that kill a replica at each point of a refresh.
func kills() []Fault {
	var faults []Fault
	for _, point := range []string{world.BeforeNote, world.BeforeSwap, world.AfterCommit, world.BeforeFirstByte, world.MidBody} {
		faults = append(faults, Fault{
			Name:  "kill at " + point,
			Alone: true,
			Inject: func(ctx context.Context, s *Scene) (Struck, error) {
				if err := s.Victim().Arm(ctx, point, "kill", 1+rand.IntN(someHits)); err != nil {
					return nil, err
				}
				ctx, cancel := context.WithTimeout(ctx, strikeIn)
				defer cancel()
				victim := s.Victim().Number
				select {
				case <-s.Victim().Ended():
					return killed(victim), nil
				case <-ctx.Done():
					return nil, fmt.Errorf("replica %d did not come by %s: %w", victim, point, ctx.Err())
				}
			},
			Heal: func(_ context.Context, s *Scene) error { return s.Victim().Start() },
		})
	}
	return faults
}

const (
	// someHits limits the number of hits of a point before the fault strikes.
	someHits = 20
	// strikeIn limits how long the fault waits for the hit.
	strikeIn = 10 * time.Second
)

// killed requires a request that was cut while the victim processed it. Refused
// connections are not enough.
func killed(victim int) Struck {
	return func(records []history.Record) string {
		rotations := 0
		for _, r := range records {
			if r.Replica == victim && r.Kind == history.Rotate && r.Outcome == history.Cut {
				rotations++
			}
		}
		if rotations == 0 {
			return ""
		}
		return fmt.Sprintf("killed; %d refreshes cut", rotations)
	}
}
