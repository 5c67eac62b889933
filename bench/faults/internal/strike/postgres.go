package strike

import (
	"context"
	"errors"
	"slices"
	"time"

	"rekey/bench/faults/internal/history"
	"rekey/bench/faults/internal/world"
)

const (
	// outage is how long a server is stopped.
	outage = time.Second
	// cutOff is how long a replica is cut off: longer than the others need to
	// detect it.
	cutOff = 4 * time.Second
	// loops is how often a server is killed in sequence.
	loops = 3
)

func postgresFaults() []Fault {
	return []Fault{
		{
			Name: "postgres kill -9",
			Inject: func(ctx context.Context, s *Scene) (Struck, error) {
				s.World.Database.Kill()
				return failures(anywhere), world.Pause(ctx, outage)
			},
			Heal: startDatabase,
		},
		postgresLoop(),
		postgresFailover(),
		postgresDemoted(),
		swapCut(),
		{
			Name:  "replica cut off from postgres",
			Alone: true,
			Inject: func(ctx context.Context, s *Scene) (Struck, error) {
				s.Victim().Postgres.Refuse()
				return failures(s.Victim().Number), world.Pause(ctx, cutOff)
			},
			Heal: func(_ context.Context, s *Scene) error { return s.Victim().Postgres.Accept() },
		},
		{
			Name:  "postgres of a replica in a black hole",
			Alone: true,
			Inject: func(ctx context.Context, s *Scene) (Struck, error) {
				s.Victim().Postgres.BlackHole()
				return failures(s.Victim().Number), world.Pause(ctx, cutOff)
			},
			Heal: func(_ context.Context, s *Scene) error {
				s.Victim().Postgres.Clean()
				return nil
			},
		},
	}
}

func postgresLoop() Fault {
	return Fault{
		Name: "postgres kill -9 loop",
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			for range loops {
				s.World.Database.Kill()
				if err := world.Pause(ctx, outage/2); err != nil {
					return nil, err
				}
				if err := s.World.Database.Start(); err != nil {
					return nil, err
				}
				if err := world.Pause(ctx, outage/2); err != nil {
					return nil, err
				}
			}
			s.World.Database.Kill()
			return failures(anywhere), nil
		},
		Heal: startDatabase,
	}
}

func startDatabase(_ context.Context, s *Scene) error { return s.World.Database.Start() }

// postgresFailover: the primary dies, its standby is promoted and gets a standby
// of its own.
func postgresFailover() Fault {
	return Fault{
		Name: "postgres failover to the standby",
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			s.World.Database.Kill()
			return failures(anywhere), world.Pause(ctx, outage)
		},
		Heal: func(_ context.Context, s *Scene) error {
			if err := s.World.Database.Promote(); err != nil {
				return err
			}
			if err := s.World.Repoint(); err != nil {
				return err
			}
			return s.World.Database.Follow()
		},
	}
}

// postgresDemoted: the primary becomes read-only without closing a connection,
// and the standby is promoted. The evidence is that writes failed, and that each
// replica wrote to the new primary while the old one still had its connections.
func postgresDemoted() Fault {
	return Fault{
		Name: "postgres demoted, connections kept",
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			if err := s.World.Database.Demote(); err != nil {
				return nil, err
			}
			if err := world.Pause(ctx, 2*outage); err != nil {
				return nil, err
			}
			closeOld, err := s.World.Database.Supersede()
			if err != nil {
				return nil, err
			}
			s.World.Redirect()
			moved, err := s.allWrite(ctx, s.Log.Now())
			if err := errors.Join(err, closeOld()); err != nil {
				return nil, err
			}
			return func(records []history.Record) string {
				refused := failures(anywhere)(records)
				if refused == "" || !moved {
					return ""
				}
				return refused + ", then all moved"
			}, nil
		},
		Heal: func(_ context.Context, s *Scene) error {
			if err := s.World.Repoint(); err != nil {
				return err
			}
			return s.World.Database.Follow()
		},
	}
}

// allWrite waits until every replica has rotated since a time, and reports
// whether all did in time.
func (s *Scene) allWrite(ctx context.Context, since time.Duration) (bool, error) {
	for deadline := since + recoverIn; s.Log.Now() < deadline; {
		if err := world.Pause(ctx, pollEvery); err != nil {
			return false, err
		}
		all := make([]bool, len(s.World.Replicas))
		for _, r := range s.Log.Since(since) {
			if r.Kind == history.Rotate && r.Outcome == history.Done {
				all[r.Replica] = true
			}
		}
		if !slices.Contains(all, false) {
			return true, nil
		}
	}
	return false, nil
}

const (
	cuts     = 12
	cutFor   = 100 * time.Millisecond
	cutEvery = 300 * time.Millisecond
)

// swapCut: Postgres executes statements, and its answers are lost.
func swapCut() Fault {
	return Fault{
		Name: "answers of postgres cut",
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			for range cuts {
				for _, r := range s.World.Replicas {
					r.Postgres.CutAnswers()
				}
				err := world.Pause(ctx, cutFor)
				for _, r := range s.World.Replicas {
					r.Postgres.Clean()
				}
				if err != nil {
					return nil, err
				}
				if err := world.Pause(ctx, cutEvery); err != nil {
					return nil, err
				}
			}
			return failures(anywhere), nil
		},
		Heal: nothing,
	}
}

func nothing(context.Context, *Scene) error { return nil }
