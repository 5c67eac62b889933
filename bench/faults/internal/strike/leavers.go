package strike

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/world"
)

// leavers are sessions that are logged out during a fault, each at one replica.
// They are then checked through all replicas at once, because stale accepts last
// moments and a random load would seldom detect them.
type leavers []*load.Session

const crew = 24

// hashers is how many of them log in at the same time; hashing passwords takes
// turns.
const hashers = 4

// gather logs the leavers in.
func gather(ctx context.Context, s *Scene) (leavers, error) {
	all, errs := make(leavers, crew), make([]error, crew)
	var wg sync.WaitGroup
	for first := range hashers {
		wg.Go(func() {
			for i := first; i < crew; i += hashers {
				all[i], errs[i] = open(ctx, s)
			}
		})
	}
	wg.Wait()
	return all, errors.Join(errs...)
}

// open logs in and retries a few times.
func open(ctx context.Context, s *Scene) (*load.Session, error) {
	const tries = 5
	var errs []error
	for range tries {
		session, err := s.Load.Open(ctx, true)
		if err == nil {
			return session, nil
		}
		errs = append(errs, err)
	}
	return nil, errors.Join(errs...)
}

// leave logs them out one by one within a time.
func (l leavers) leave(ctx context.Context, s *Scene, within time.Duration) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	for _, session := range l {
		wg.Go(func() { leaveOne(ctx, s, session) })
		if err := world.Pause(ctx, within/crew); err != nil {
			return err
		}
	}
	return nil
}

// watched logs them out and requires that a replica reports meanwhile that it no
// longer trusts Redis.
func (l leavers) watched(ctx context.Context, s *Scene, within time.Duration) (Struck, error) {
	var noticed bool
	var wg sync.WaitGroup
	wg.Go(func() {
		ctx, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		for s.World.Trusted(ctx) {
			if world.Pause(ctx, pollEvery) != nil {
				return
			}
		}
		noticed = ctx.Err() == nil
	})
	err := l.leave(ctx, s, within)
	wg.Wait()
	return seen(noticed, "not trusted any more"), err
}

// whileLeaving returns the injection of a fault that must make a replica report
// within a time that it no longer trusts Redis. begin begins the fault when the
// leavers have logged in.
func whileLeaving(within time.Duration, begin func(ctx context.Context, s *Scene) error) func(context.Context, *Scene) (Struck, error) {
	return func(ctx context.Context, s *Scene) (Struck, error) {
		l, err := gather(ctx, s)
		if err != nil {
			return nil, err
		}
		if err := begin(ctx, s); err != nil {
			return nil, err
		}
		return l.watched(ctx, s, within)
	}
}

// recheckAfter sets when a token is checked once more, because replicas take
// seconds to detect some failures.
const recheckAfter = 700 * time.Millisecond

func leaveOne(ctx context.Context, s *Scene, session *load.Session) {
	requests, last := context.WithoutCancel(ctx), session.Current()
	everywhere := func() {
		var wg sync.WaitGroup
		for i := range s.World.Replicas {
			wg.Go(func() { s.Load.Me(requests, session, last, i, false) })
		}
		wg.Wait()
	}
	everywhere()
	for tries := 0; tries < 5; tries++ {
		if s.Load.Logout(requests, session, last, rand.IntN(len(s.World.Replicas))).Outcome == history.Done {
			break
		}
	}
	everywhere()
	if world.Pause(ctx, recheckAfter) == nil {
		everywhere()
	}
}
