package strike

import (
	"context"
	"time"

	"rekey/bench/faults/internal/world"
)

// aftermath is how long a change of Redis is watched before it is healed.
const aftermath = 2 * time.Second

func flush(ctx context.Context, s *Scene, node int) (Struck, error) {
	l, err := gather(ctx, s)
	if err != nil {
		return nil, err
	}
	keys, err := s.World.Redis.Keys(ctx, node)
	if err != nil {
		return nil, err
	}
	if _, err := s.World.Redis.Do(ctx, node, "FLUSHALL"); err != nil {
		return nil, err
	}
	return seen(keys > 0, "%d keys gone", keys), l.leave(ctx, s, aftermath)
}

// restart kills a node and starts it without its data.
func restart(ctx context.Context, s *Scene, node int) (Struck, error) {
	l, err := gather(ctx, s)
	if err != nil {
		return nil, err
	}
	keys, err := s.World.Redis.Keys(ctx, node)
	if err != nil {
		return nil, err
	}
	s.World.Redis.Kill(node)
	if err := world.Pause(ctx, outage); err != nil {
		return nil, err
	}
	if err := s.World.Redis.StartEmpty(node); err != nil {
		return nil, err
	}
	return seen(keys > 0, "%d keys gone", keys), l.leave(ctx, s, aftermath)
}

// lag is how long Redis continues to receive writes that an outdated copy does
// not receive.
const lag = 3 * time.Second

func redisOldDump() Fault {
	return Fault{
		Name: "redis back from an old dump", Warm: true,
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			l, err := gather(ctx, s)
			if err != nil {
				return nil, err
			}
			if _, err := s.World.Redis.Do(ctx, 0, "SAVE"); err != nil {
				return nil, err
			}
			if err := world.Pause(ctx, lag); err != nil {
				return nil, err
			}
			before, err := s.World.Redis.Keys(ctx, 0)
			if err != nil {
				return nil, err
			}
			s.World.Redis.Kill(0)
			if err := s.World.Redis.Start(0); err != nil {
				return nil, err
			}
			after, err := s.World.Redis.Keys(ctx, 0)
			if err != nil {
				return nil, err
			}
			return seen(after > 0 && after < before, "%d keys became %d", before, after), l.leave(ctx, s, aftermath)
		},
		Heal: nothing,
	}
}

// redisFailover: the copy that is promoted has not received the last seconds.
func redisFailover() Fault {
	return Fault{
		Name: "redis failover to a lagging copy", Warm: true,
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			l, err := gather(ctx, s)
			if err != nil {
				return nil, err
			}
			before, err := fallBehind(ctx, s)
			if err != nil {
				return nil, err
			}
			s.World.Redis.Kill(0)
			if err := s.World.Redis.Promote(ctx); err != nil {
				return nil, err
			}
			after, err := s.World.Redis.Keys(ctx, 0)
			if err != nil {
				return nil, err
			}
			for _, r := range s.World.Replicas {
				if err := r.Redis.Point(s.World.Redis.Addr()); err != nil {
					return nil, err
				}
			}
			return seen(after > 0 && after < before, "%d keys became %d", before, after), l.leave(ctx, s, aftermath)
		},
		Heal: func(_ context.Context, s *Scene) error { return s.World.Redis.DropOld() },
	}
}

// fallBehind creates a copy that stops receiving from the master. It returns how
// many keys the master has after a while.
func fallBehind(ctx context.Context, s *Scene) (keys int, err error) {
	link, err := s.World.Redis.Follow(ctx)
	if err != nil {
		return 0, err
	}
	link.Refuse()
	if err := world.Pause(ctx, lag); err != nil {
		return 0, err
	}
	return s.World.Redis.Keys(ctx, 0)
}

// redisSplit: one replica uses the old master while the others use a new one.
func redisSplit() Fault {
	return Fault{
		Name: "replica left with the old redis", Warm: true, CutsOff: true,
		Inject: whileLeaving(cutOff, func(ctx context.Context, s *Scene) error {
			if _, err := fallBehind(ctx, s); err != nil {
				return err
			}
			if err := s.World.Redis.Promote(ctx); err != nil {
				return err
			}
			for _, r := range s.World.Replicas {
				if r == s.Victim() {
					continue
				}
				if err := r.Redis.Point(s.World.Redis.Addr()); err != nil {
					return err
				}
			}
			return nil
		}),
		Heal: func(_ context.Context, s *Scene) error {
			if err := s.Victim().Redis.Point(s.World.Redis.Addr()); err != nil {
				return err
			}
			return s.World.Redis.DropOld()
		},
	}
}

func replicaOffRedis() Fault {
	return Fault{
		Name: "replica cut off from redis", Warm: true, CutsOff: true,
		Inject: whileLeaving(cutOff, func(_ context.Context, s *Scene) error {
			s.Victim().Redis.Refuse()
			return nil
		}),
		Heal: func(_ context.Context, s *Scene) error { return s.Victim().Redis.Accept() },
	}
}

func replicaRedisHoled() Fault {
	return Fault{
		Name: "redis of a replica in a black hole", Warm: true, CutsOff: true,
		Inject: whileLeaving(cutOff, func(_ context.Context, s *Scene) error {
			s.Victim().Redis.BlackHole()
			return nil
		}),
		Heal: func(_ context.Context, s *Scene) error {
			s.Victim().Redis.Clean()
			return nil
		},
	}
}
