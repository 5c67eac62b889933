package control

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/load"
	"rekey/bench/faults/internal/stage"
	"rekey/bench/faults/internal/strike"
	"rekey/bench/faults/internal/world"
)

// BadBuilds returns the builds that contain a known fault, by their names in
// BAD_BUILD.
func BadBuilds() []Control {
	return []Control{
		{Name: "note-after-commit", Play: killedWriter, Expect: []check.Rule{check.StaleAccept}},
		{Name: "no-marker", Play: flushed, Expect: []check.Rule{check.StaleAccept}},
		{Name: "window-extends", Play: replayed, Expect: []check.Rule{check.LongReplay}},
		{Name: "select-then-update", Play: raced, Expect: []check.Rule{check.Fork, check.TwoWinners}},
		{Name: "blacklist-by-token", Play: respelt, Expect: []check.Rule{check.StaleAccept}},
		{Name: "fork-on-retry", Play: retried, Expect: []check.Rule{check.Fork}},
		{Name: "tokens-in-clear", Play: kept, Expect: []check.Rule{check.Leak}},
		{Name: "redeem-blindly", Play: redeemedTwice, Expect: []check.Rule{check.TwoResets}},
		{Name: "reset-keeps-epoch", Play: redeemedLater, Expect: []check.Rule{check.TwoResets}},
		{Name: "401-on-database-error", Play: unreachable, Expect: []check.Rule{check.WronglyEnded, check.WronglyRefused}},
	}
}

// The two replicas that a control uses.
const (
	here  = 0
	there = 1
)

// trusted waits until the replicas trust Redis and answer for tokens issued from
// now on from it.
func trusted(ctx context.Context, s *strike.Scene) error {
	ctx, cancel := context.WithTimeout(ctx, trustIn)
	defer cancel()
	for !s.World.Trusted(ctx) {
		if err := world.Pause(ctx, trustPoll); err != nil {
			return fmt.Errorf("redis is not trusted: %s", s.World.Describe(context.WithoutCancel(ctx)))
		}
	}
	return world.Pause(ctx, stage.Settle)
}

const (
	trustIn   = time.Minute
	trustPoll = 100 * time.Millisecond
)

// raced sends racers without a key for one token, through both replicas and
// transports.
func raced(ctx context.Context, s *strike.Scene) error {
	const rounds, racers = 20, 16
	session, err := s.Load.Open(ctx, false)
	if err != nil {
		return err
	}
	for range rounds {
		var mu sync.Mutex
		var won []load.Pair
		var wg sync.WaitGroup
		old := session.Current()
		for i := range racers {
			wg.Go(func() {
				transport := []string{load.GraphQL, load.REST}[i/2%2]
				if next, a := s.Load.Replay(ctx, session, old, i%2, transport, 0); a.Outcome == history.Done {
					mu.Lock()
					won = append(won, next)
					mu.Unlock()
				}
			})
		}
		wg.Wait()
		if len(won) != 1 {
			return nil // the checks judge this
		}
		session.Won(won[0])
	}
	return nil
}

// respelt blacklists an access token individually and presents it in its other
// spelling.
func respelt(ctx context.Context, s *strike.Scene) error {
	session, err := s.Load.Open(ctx, true)
	if err != nil {
		return err
	}
	p := session.Current()
	if a := s.Load.Blacklist(ctx, session, p, here); a.Outcome != history.Done {
		return fmt.Errorf("blacklisting: %s %s", a.Outcome, a.Reason)
	}
	for _, replica := range []int{here, there} {
		s.Load.Me(ctx, session, p, replica, false)
		s.Load.Me(ctx, session, p, replica, true)
	}
	return nil
}

// killedWriter kills a replica directly after the commit of a rotation. As soon
// as the database shows the rotation, the parent's access token must be refused.
func killedWriter(ctx context.Context, s *strike.Scene) error {
	if err := trusted(ctx, s); err != nil {
		return err
	}
	session, err := s.Load.Open(ctx, true)
	if err != nil {
		return err
	}
	if err := s.World.Replicas[here].Arm(ctx, world.AfterCommit, "kill", 1); err != nil {
		return err
	}
	if _, a := s.Load.Refresh(ctx, session, session.Current(), here, load.GraphQL, s.Load.NewKey()); a.Outcome != history.Cut {
		return fmt.Errorf("the refresh was not cut but %s", a.Outcome)
	}
	rows, err := s.World.Database.Rows(ctx)
	if err != nil {
		return err
	}
	if rows[session.ID].Generation != 2 {
		return errors.New("the rotation did not land")
	}
	s.Load.Landed(session, 1)
	return keepChecking(ctx, s, session, session.Current(), there)
}

// keepChecking checks an access token until well after the overlap.
func keepChecking(ctx context.Context, s *strike.Scene, session *load.Session, p load.Pair, replicas ...int) error {
	const every, times = 200 * time.Millisecond, 10
	for range times {
		for _, replica := range replicas {
			s.Load.Me(ctx, session, p, replica, false)
		}
		if err := world.Pause(ctx, every); err != nil {
			return err
		}
	}
	return nil
}

// flushed empties Redis after a rotation.
func flushed(ctx context.Context, s *strike.Scene) error {
	if err := trusted(ctx, s); err != nil {
		return err
	}
	session, err := s.Load.Open(ctx, true)
	if err != nil {
		return err
	}
	old := session.Current()
	if _, err := s.Load.Rotate(ctx, session, here, load.REST); err != nil {
		return err
	}
	if _, err := s.World.Redis.Do(ctx, 0, "FLUSHALL"); err != nil {
		return err
	}
	return keepChecking(ctx, s, session, old, here, there)
}

// replayed presents used tokens repeatedly, with and without the key, until well
// after both windows.
func replayed(ctx context.Context, s *strike.Scene) error {
	unkeyed, err := s.Load.Open(ctx, true)
	if err != nil {
		return err
	}
	keyed, err := s.Load.Open(ctx, true)
	if err != nil {
		return err
	}
	old, oldKeyed := unkeyed.Current(), keyed.Current()
	if _, err := s.Load.Rotate(ctx, unkeyed, here, load.GraphQL); err != nil {
		return err
	}
	key, err := s.Load.Rotate(ctx, keyed, here, load.GraphQL)
	if err != nil {
		return err
	}
	for end := s.Log.Now() + 2*retryTTL; s.Log.Now() < end; {
		s.Load.Replay(ctx, unkeyed, old, there, load.GraphQL, 0)
		s.Load.Replay(ctx, keyed, oldKeyed, there, load.GraphQL, key)
		if err := world.Pause(ctx, reuseWindow/3); err != nil {
			return err
		}
	}
	return nil
}

// retried sends a request again with its key, through all transports.
func retried(ctx context.Context, s *strike.Scene) error {
	session, err := s.Load.Open(ctx, true)
	if err != nil {
		return err
	}
	old := session.Current()
	key, err := s.Load.Rotate(ctx, session, here, load.GraphQL)
	if err != nil {
		return err
	}
	for _, replica := range []int{here, there} {
		for _, transport := range []string{load.GraphQL, load.REST} {
			s.Load.Refresh(ctx, session, old, replica, transport, key)
		}
	}
	return nil
}

// kept refreshes a session and searches what the servers store and log about it.
func kept(ctx context.Context, s *strike.Scene) error {
	session, err := s.Load.Open(ctx, true)
	if err != nil {
		return err
	}
	_, err = s.Load.Rotate(ctx, session, here, load.REST)
	return err
}

// unreachable makes the database unreachable.
func unreachable(ctx context.Context, s *strike.Scene) error {
	session, err := s.Load.Open(ctx, true)
	if err != nil {
		return err
	}
	for _, r := range s.World.Replicas {
		r.Postgres.Refuse()
	}
	for _, replica := range []int{here, there} {
		s.Load.Refresh(ctx, session, session.Current(), replica, load.GraphQL, s.Load.NewKey())
		s.Load.Refresh(ctx, session, session.Current(), replica, load.REST, s.Load.NewKey())
		s.Load.Me(ctx, session, session.Current(), replica, false)
	}
	return nil
}
