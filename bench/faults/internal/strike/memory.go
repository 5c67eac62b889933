package strike

import (
	"context"
	"errors"
	"time"

	"rekey/bench/faults/internal/world"
)

const latency = 500 * time.Millisecond

func redisSlow() Fault {
	return Fault{
		Name: "redis 500 ms slow", Warm: true,
		Inject: whileLeaving(cutOff, func(_ context.Context, s *Scene) error {
			for _, r := range s.World.Replicas {
				r.Redis.Delay(latency)
			}
			return nil
		}),
		Heal: func(_ context.Context, s *Scene) error {
			for _, r := range s.World.Replicas {
				r.Redis.Clean()
			}
			return nil
		},
	}
}

// redisFull: Redis keeps its data and refuses writes. Writers are cut off from
// it, and readers are not.
func redisFull() Fault {
	return Fault{
		Name: "redis out of memory", Warm: true, CutsOff: true,
		Inject: whileLeaving(cutOff, func(ctx context.Context, s *Scene) error {
			_, err := s.World.Redis.Do(ctx, 0, "CONFIG", "SET", "maxmemory", "1")
			return err
		}),
		Heal: roomAgain,
	}
}

// redisEviction: Redis may evict keys. The replicas check its policy each
// second; the memory limit is reached after they have seen the new policy.
func redisEviction() Fault {
	return Fault{
		Name: "redis evicts", Warm: true,
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			l, err := gather(ctx, s)
			if err != nil {
				return nil, err
			}
			if _, err := s.World.Redis.Do(ctx, 0, "CONFIG", "SET", "maxmemory-policy", "allkeys-random"); err != nil {
				return nil, err
			}
			if err := l.leave(ctx, s, noticed); err != nil {
				return nil, err
			}
			before, err := s.World.Redis.Keys(ctx, 0)
			if err != nil {
				return nil, err
			}
			if _, err := s.World.Redis.Do(ctx, 0, "CONFIG", "SET", "maxmemory", "1mb"); err != nil {
				return nil, err
			}
			if err := world.Pause(ctx, aftermath); err != nil {
				return nil, err
			}
			after, err := s.World.Redis.Keys(ctx, 0)
			return seen(after < before, "%d keys became %d", before, after), err
		},
		Heal: roomAgain,
	}
}

// noticed is how long the replicas take to detect another policy: one round, and
// two seconds for which the last reading is valid.
const noticed = 3500 * time.Millisecond

func roomAgain(ctx context.Context, s *Scene) error {
	_, memoryErr := s.World.Redis.Do(ctx, 0, "CONFIG", "SET", "maxmemory", "0")
	_, policyErr := s.World.Redis.Do(ctx, 0, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	return errors.Join(memoryErr, policyErr)
}
