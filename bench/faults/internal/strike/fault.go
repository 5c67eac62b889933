package strike

import (
	"context"
	"fmt"

	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/world"
)

// Scene is what a fault has to work with.
type Scene struct {
	World  *world.World
	Log    *history.Log
	Load   *load.Load
	Client *load.Client
	// Round counts the strikes of this fault: variants take turns.
	Round int
}

// Victim is the replica whose turn it is.
func (s *Scene) Victim() *world.Replica {
	return s.World.Replicas[s.Round%len(s.World.Replicas)]
}

// Struck looks at the history of a fault and says what shows that it struck;
// empty when nothing does.
type Struck func(records []history.Record) string

// Fault is one kind of trouble.
type Fault struct {
	Name string
	// Warm: it needs a Redis that has been trusted for long enough to answer
	// for tokens.
	Warm bool
	// Redis: it may set the markers anew, as all do that need a warm one.
	Redis bool
	// CutsOff: replicas are cut off from each other's Redis, for which a
	// bounded stale accept is allowed.
	CutsOff bool
	// Unnoticed: no request may fail for it.
	Unnoticed bool
	// Inject makes the trouble and lets it last; Heal ends it.
	Inject func(ctx context.Context, s *Scene) (Struck, error)
	Heal   func(ctx context.Context, s *Scene) error
	// Alone: only the victim is struck, and recovery is measured through it.
	Alone bool
}

// anywhere is no replica in particular.
const anywhere = -1

// trouble is evidence by requests that were told to try again or not answered.
func trouble(replica int) Struck {
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

// seen is evidence by what the fault itself measured.
func seen(happened bool, format string, args ...any) Struck {
	return func([]history.Record) string {
		if !happened {
			return ""
		}
		return fmt.Sprintf(format, args...)
	}
}

// All are the faults of a world with one Redis and a standby. Those that need a
// Redis that has been trusted for a while have others between them, which do
// not mind, and of which no two of a kind come together.
func All() []Fault {
	warm := []Fault{redisFlush(), redisOldDump(), redisFailover(), redisRestart(), replicaOffRedis(), redisSplit(), replicaRedisHoled(), redisFull(), redisEviction(), redisSlow()}
	others := dealt(postgresFaults(), kills(), clocks(), stops(), []Fault{hotToken()})
	var all []Fault
	for i, f := range warm {
		share := others[i*len(others)/len(warm) : (i+1)*len(others)/len(warm)]
		all = append(append(all, share...), f)
	}
	return all
}

// dealt takes one of each kind in turn.
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
