package strike

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/world"
)

// stopFor is how long a replica is stopped in the middle of a refresh.
const stopFor = 5 * time.Second

// stops returns faults that stop a replica at a point of a refresh, and continue
// it later.
func stops() []Fault {
	var faults []Fault
	for _, point := range []string{world.BeforeNote, world.BeforeSwap, world.AfterCommit} {
		faults = append(faults, Fault{
			Name: "stopped 5 s at " + point, Alone: true,
			Inject: func(ctx context.Context, s *Scene) (Struck, error) {
				if err := s.Victim().Arm(ctx, point, "stop", 1+rand.IntN(someHits)); err != nil {
					return nil, err
				}
				return failures(s.Victim().Number), world.Pause(ctx, stopFor)
			},
			Heal: func(_ context.Context, s *Scene) error {
				s.Victim().Continue()
				return nil
			},
		})
	}
	return faults
}

// skewedFor is longer than the time between two checks of a replica's clock.
const skewedFor = 6 * time.Second

// clocks returns faults that skew the clock of one replica.
func clocks() []Fault {
	var faults []Fault
	for _, offset := range []time.Duration{time.Minute, -time.Minute, time.Hour, -time.Hour} {
		faults = append(faults, Fault{
			Name: "clock of a replica off by " + offset.String(), Alone: true,
			Inject: func(ctx context.Context, s *Scene) (Struck, error) {
				if err := s.Victim().Shift(ctx, offset); err != nil {
					return nil, err
				}
				return failures(s.Victim().Number), world.Pause(ctx, skewedFor)
			},
			Heal: func(ctx context.Context, s *Scene) error { return s.Victim().Shift(ctx, 0) },
		})
	}
	return faults
}

const (
	crowd = 1000
	// pool is the number of connections of a replica to Postgres.
	pool = 20
)

// hotToken sends a thousand simultaneous requests for one token.
func hotToken() Fault {
	return Fault{
		Name: "1000 requests on one token",
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			session, err := open(ctx, s)
			if err != nil {
				return nil, err
			}
			key := s.Load.NewKey()
			var wg sync.WaitGroup
			for i := range crowd {
				wg.Go(func() {
					transport := []string{load.GraphQL, load.REST}[i%2]
					s.Load.Refresh(ctx, session, session.Current(), i%len(s.World.Replicas), transport, key)
				})
			}
			wg.Wait()
			return crowded(session.Number), nil
		},
		Heal: nothing,
	}
}

// crowded requires more simultaneous requests at one replica than it has
// connections.
func crowded(session int) Struck {
	return func(records []history.Record) string {
		perReplica := map[int][]history.Record{}
		for _, r := range records {
			if r.Session == session && r.Kind == history.Rotate {
				perReplica[r.Replica] = append(perReplica[r.Replica], r)
			}
		}
		most := 0
		for _, own := range perReplica {
			most = max(most, overlap(own))
		}
		if most <= pool {
			return ""
		}
		return fmt.Sprintf("up to %d at a time for %d connections", most, pool)
	}
}

// overlap returns the largest number of simultaneous requests.
func overlap(records []history.Record) int {
	type edge struct {
		at   time.Duration
		step int
	}
	var edges []edge
	for _, r := range records {
		edges = append(edges, edge{r.Start, 1}, edge{r.End, -1})
	}
	slices.SortFunc(edges, func(a, b edge) int { return int(a.at - b.at) })
	now, most := 0, 0
	for _, e := range edges {
		now += e.step
		most = max(most, now)
	}
	return most
}
