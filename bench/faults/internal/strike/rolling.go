package strike

import (
	"context"
	"errors"
	"fmt"
	"time"

	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/world"
)

// ShutdownDelay is the setting of replicas in a rolling restart. It is much
// longer than a balancer needs to use other replicas.
const ShutdownDelay = 4 * time.Second

// RollingRestart restarts each replica in turn, as an update does: it sends
// SIGTERM, and continues when the balancer has seen that this replica is ready.
// No request may fail.
func RollingRestart() Fault {
	return Fault{
		Name: "rolling restart by SIGTERM", Unnoticed: true,
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			ctx, cancel := context.WithTimeout(ctx, time.Minute)
			defer cancel()
			s.Client.Lag() // discards earlier values
			var away []absence
			for _, r := range s.World.Replicas {
				from := s.Log.Now()
				if err := restartGently(ctx, s, r); err != nil {
					return nil, fmt.Errorf("replica %d: %w", r.Number, err)
				}
				away = append(away, absence{r.Number, from, s.Log.Now()})
			}
			return unnoticed(away, s.Client.Lag()), nil
		},
		Heal: nothing,
	}
}

func restartGently(ctx context.Context, s *Scene, r *world.Replica) error {
	r.Terminate()
	select {
	case <-r.Ended():
	case <-ctx.Done():
		return fmt.Errorf("it does not end: %w", ctx.Err())
	}
	if err := r.Start(); err != nil {
		return err
	}
	return await(ctx, s.Client, r.Number)
}

var errNotReady = errors.New("it is not ready again")

func await(ctx context.Context, c *load.Client, replica int) error {
	for !c.Ready(replica) {
		if err := world.Pause(ctx, pollEvery); err != nil {
			return fmt.Errorf("%w: %w", errNotReady, err)
		}
	}
	return nil
}

// absence records when a replica was asked to end and when it was ready again.
type absence struct {
	replica  int
	from, to time.Duration
}

// unnoticed requires that the other replicas worked meanwhile. The strike does
// not count if the balancer was too slow to see that a replica was ending:
// requests that were cut then are not the replicas' fault.
func unnoticed(away []absence, lag time.Duration) Struck {
	return func(records []history.Record) string {
		if lag > ShutdownDelay/2 {
			return ""
		}
		done := 0
		for _, a := range away {
			others := 0
			for _, r := range records {
				if r.Replica != a.replica && r.Kind == history.Rotate && r.Outcome == history.Done && r.Start > a.from && r.End < a.to {
					others++
				}
			}
			if others == 0 {
				return ""
			}
			done += others
		}
		return fmt.Sprintf("%d restarted; %d refreshes by the others", len(away), done)
	}
}

// Downtime returns the requests that failed while no request was allowed to
// fail.
func Downtime(strikes []Strike, records []history.Record) []history.Record {
	var failed []history.Record
	for _, s := range strikes {
		if !s.Unnoticed || s.Evidence == "" {
			continue
		}
		for _, r := range records {
			if (r.Outcome == history.Cut || r.Outcome == history.Unavailable) && r.End >= s.From && r.Start <= s.To {
				failed = append(failed, r)
			}
		}
	}
	return failed
}
