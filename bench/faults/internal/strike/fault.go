package strike

import (
	"context"
	"fmt"

	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/world"
)

// Scene holds what a fault works with.
type Scene struct {
	World  *world.World
	Log    *history.Log
	Load   *load.Load
	Client *load.Client
	// Round counts the strikes with this fault. Variants take turns.
	Round int
}

// Victim returns the replica that this round strikes.
func (s *Scene) Victim() *world.Replica {
	return s.World.Replicas[s.Round%len(s.World.Replicas)]
}

// Struck reads the history of a fault and returns evidence that the fault had an
// effect, or "" if there is none.
type Struck func(records []history.Record) string

// Fault is one kind of failure.
type Fault struct {
	Name string
	// Warm: the fault needs a Redis that has been trusted for long enough to
	// answer for tokens.
	Warm bool
	// Redis: the fault may reset the markers, as every fault does that needs a
	// warm Redis.
	Redis bool
	// CutsOff: the fault cuts replicas off from each other's Redis, for which a
	// bounded stale accept is allowed.
	CutsOff bool
	// Unnoticed: no request may fail because of the fault.
	Unnoticed bool
	// Inject starts the fault; Heal ends it.
	Inject func(ctx context.Context, s *Scene) (Struck, error)
	Heal   func(ctx context.Context, s *Scene) error
	// Alone: only the victim is struck, and recovery is measured through it.
	Alone bool
}

// anywhere stands for all replicas.
const anywhere = -1

// failures returns evidence by requests that were answered with 503 or not at
// all.
func failures(replica int) Struck {
	return func(records []history.Record) string {
		unavailable, cut := 0, 0
		for _, r := range records {
			if replica != anywhere && r.Replica != replica {
				continue
			}
			switch r.Outcome {
			case history.Unavailable:
				unavailable++
			case history.Cut:
				cut++
			}
		}
		if unavailable+cut == 0 {
			return ""
		}
		return fmt.Sprintf("%d refused, %d cut", unavailable, cut)
	}
}

// seen returns evidence by a measurement of the fault itself.
func seen(happened bool, format string, args ...any) Struck {
	return func([]history.Record) string {
		if !happened {
			return ""
		}
		return fmt.Sprintf(format, args...)
	}
}

// All returns the faults of a world with one Redis and a standby. Faults that
// need a warm Redis alternate with faults that do not, and no two faults of a
// kind follow each other.
func All() []Fault {
	warm := []Fault{
		{
			Name: "redis FLUSHALL", Warm: true,
			Inject: func(ctx context.Context, s *Scene) (Struck, error) { return flush(ctx, s, 0) },
			Heal:   nothing,
		},
		redisOldDump(),
		redisFailover(),
		{
			Name: "redis kill -9, back empty", Warm: true,
			Inject: func(ctx context.Context, s *Scene) (Struck, error) { return restart(ctx, s, 0) },
			Heal:   nothing,
		},
		replicaOffRedis(),
		redisSplit(),
		replicaRedisHoled(),
		redisFull(),
		redisEviction(),
		redisSlow(),
	}
	others := dealt(postgresFaults(), kills(), clocks(), stops(), []Fault{hotToken()})
	var all []Fault
	for i, f := range warm {
		share := others[i*len(others)/len(warm) : (i+1)*len(others)/len(warm)]
		all = append(append(all, share...), f)
	}
	return all
}

// dealt takes one fault of each kind in turn.
func dealt(kinds ...[]Fault) []Fault {
	var all []Fault
	for i, more := 0, true; more; i++ {
		more = false
		for _, kind := range kinds {
			if i < len(kind) {
				all, more = append(all, kind[i]), true
			}
		}
	}
	return all
}
