package strike

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/world"
)

// Strike records one strike with a fault.
type Strike struct {
	Fault    string
	Evidence string // empty: the fault had no effect, and the strike does not count
	// From is when the strike began, Healed when its healing began, and To when
	// it was over.
	From, Healed, To time.Duration
	Recovery         time.Duration // from Healed to the first success
	Recovered        bool
	CutsOff          bool
	Unnoticed        bool
	Before           float64 // refreshes per second directly before it
}

// Driver strikes with faults.
type Driver struct {
	Scene *Scene
	// Settle is how long Redis must have been trusted before it answers for
	// tokens.
	Settle time.Duration
	// Say reports progress.
	Say func(format string, args ...any)

	trusted atomic.Bool
	changed time.Duration // when Redis last changed, by the log's clock
}

const (
	calmFor     = time.Second
	calmTimeout = 90 * time.Second
	recoverIn   = 30 * time.Second
	pollEvery   = 100 * time.Millisecond
	readyEvery  = 500 * time.Millisecond
)

// errNoCalm ends a run, because strikes on an unhealthy service prove nothing.
var errNoCalm = errors.New("the service did not come to rest")

// Watch observes the readiness of the replicas until ctx ends.
func (d *Driver) Watch(ctx context.Context) {
	for world.Pause(ctx, readyEvery) == nil {
		d.trusted.Store(d.Scene.World.Trusted(ctx))
	}
}

// Strike waits until the service is healthy and strikes once.
func (d *Driver) Strike(ctx context.Context, f Fault, round int) (Strike, error) {
	d.Scene.Round = round
	before, err := d.calm(ctx, f.Warm)
	if err != nil {
		return Strike{}, fmt.Errorf("before %s: %w", f.Name, err)
	}
	s := Strike{Fault: f.Name, From: d.Scene.Log.Now(), CutsOff: f.CutsOff, Unnoticed: f.Unnoticed, Before: before}
	struck, err := f.Inject(ctx, d.Scene)
	s.Healed = d.Scene.Log.Now()
	if healErr := f.Heal(ctx, d.Scene); err != nil || healErr != nil {
		return Strike{}, fmt.Errorf("%s: %w", f.Name, errors.Join(err, healErr))
	}
	d.recovered(ctx, f, &s)
	s.To = d.Scene.Log.Now()
	if f.Warm || f.Redis {
		d.changed = s.To
	}
	s.Evidence = struck(d.Scene.Log.Since(s.From))
	d.Say("%6.1fs %-38s %-48s back after %v", s.From.Seconds(), f.Name, s.Evidence, s.Recovery.Round(time.Millisecond))
	return s, nil
}

// calm waits until every replica has rotated recently and, if warm, Redis has
// been trusted for long enough. It returns the rate of refreshes.
func (d *Driver) calm(ctx context.Context, warm bool) (float64, error) {
	ctx, cancel := context.WithTimeout(ctx, calmTimeout+d.Settle)
	defer cancel()
	for world.Pause(ctx, calmFor) == nil {
		all := make([]bool, len(d.Scene.World.Replicas))
		n := 0
		for _, r := range d.Scene.Log.Since(d.Scene.Log.Now() - calmFor) {
			if r.Kind == history.Rotate && r.Outcome == history.Done {
				all[r.Replica] = true
				n++
			}
		}
		settled := d.trusted.Load() && d.Scene.Log.Now()-d.changed > d.Settle
		if !slices.Contains(all, false) && (!warm || settled) {
			return float64(n) / calmFor.Seconds(), nil
		}
	}
	return 0, fmt.Errorf("%w: %s", errNoCalm, d.Scene.World.Describe(context.WithoutCancel(ctx)))
}

// recovered waits for the first success after healing began. If only the victim
// was struck, it waits for a success through the victim.
func (d *Driver) recovered(ctx context.Context, f Fault, s *Strike) {
	ctx, cancel := context.WithTimeout(ctx, recoverIn)
	defer cancel()
	for {
		for _, r := range d.Scene.Log.Since(s.Healed) {
			if r.Kind == history.Rotate && r.Outcome == history.Done && r.Start >= s.Healed &&
				(!f.Alone || r.Replica == d.Scene.Victim().Number) {
				s.Recovery, s.Recovered = r.End-s.Healed, true
				return
			}
		}
		if world.Pause(ctx, pollEvery) != nil {
			s.Recovery = recoverIn
			return
		}
	}
}

// During returns the fault that was active at a time, or the last one before it.
func During(strikes []Strike, at time.Duration) string {
	name := ""
	for _, s := range strikes {
		if s.From <= at {
			name = s.Fault
		}
	}
	return name
}

// CutOff returns the spans in which a bounded stale accept is allowed.
func CutOff(strikes []Strike) []check.Span {
	var spans []check.Span
	for _, s := range strikes {
		if s.CutsOff {
			spans = append(spans, check.Span{From: s.From, To: s.To + cutOffAfter})
		}
	}
	return spans
}

// cutOffAfter covers the rounds in which replicas detect that Redis is
// reachable.
const cutOffAfter = 3 * time.Second
