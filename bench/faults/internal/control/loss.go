package control

import (
	"context"
	"fmt"
	"sync"
	"time"

	"rekey/bench/faults/internal/check"
	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/strike"
	"rekey/bench/faults/internal/world"
)

// Losses returns the databases that lose acknowledged writes.
func Losses() []Control {
	return []Control{
		{
			Name: "asynchronous standby", Loss: true, Play: heldBack, Expect: []check.Rule{check.LostRotation},
			World: world.Options{Standby: true},
		},
		{
			Name: "synchronous_commit=off", Loss: true, Expect: []check.Rule{check.LostRotation},
			Play: func(ctx context.Context, s *strike.Scene) error {
				return working(ctx, s, func() error {
					s.World.Database.Kill()
					return s.World.Database.Start()
				})
			},
			// Postgres writes its log later than the kill.
			World: world.Options{PostgresArgs: []string{"-c", "synchronous_commit=off", "-c", "wal_writer_delay=10s"}},
		},
	}
}

const (
	// workFor is the minimum time for which clients rotate before the database
	// dies, and workOf the minimum number of rotations that they have
	// acknowledged by then. A slow machine takes longer.
	workFor = 2 * time.Second
	workOf  = 20
	workIn  = time.Minute
)

// heldBack: the standby does not receive the last seconds and is promoted.
func heldBack(ctx context.Context, s *strike.Scene) error {
	if err := s.World.Database.Synchronous(false); err != nil {
		return err
	}
	return working(ctx, s, func() error {
		s.World.Database.HoldBack()
		if err := rotated(ctx, s); err != nil {
			return err
		}
		s.World.Database.Kill()
		if err := s.World.Database.Promote(); err != nil {
			return err
		}
		return s.World.Repoint()
	})
}

// working runs clients before, during and after do.
func working(ctx context.Context, s *strike.Scene, do func() error) error {
	clients, stop := context.WithCancel(ctx)
	defer stop()
	var wg sync.WaitGroup
	wg.Go(func() { s.Load.Run(clients) })
	if err := rotated(ctx, s); err != nil {
		return err
	}
	if err := do(); err != nil {
		return err
	}
	if err := world.Pause(ctx, workFor/2); err != nil {
		return err
	}
	stop()
	wg.Wait()
	return nil
}

// rotated waits until clients have rotated for the minimum time and often
// enough, counted from now.
func rotated(ctx context.Context, s *strike.Scene) error {
	ctx, cancel := context.WithTimeout(ctx, workIn)
	defer cancel()
	from := s.Log.Now()
	for {
		if err := world.Pause(ctx, workFor); err != nil {
			return fmt.Errorf("fewer than %d rotations: %w", workOf, err)
		}
		n := 0
		for _, r := range s.Log.Since(from) {
			if r.Kind == history.Rotate && r.Outcome == history.Done {
				n++
			}
		}
		if n >= workOf {
			return nil
		}
	}
}
