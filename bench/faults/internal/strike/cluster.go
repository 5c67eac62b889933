package strike

import (
	"context"

	"rekey/bench/faults/internal/world"
)

// Cluster returns the faults of a cluster's nodes. Replicas connect to the nodes
// directly, because a cluster announces its nodes' own addresses and not those
// of proxies.
func Cluster() []Fault {
	return []Fault{
		{
			Name: "cluster: node FLUSHALL", Warm: true,
			Inject: func(ctx context.Context, s *Scene) (Struck, error) { return flush(ctx, s, s.node()) },
			Heal:   nothing,
		},
		clusterStop(),
		{
			Name: "cluster: node kill -9, back empty", Warm: true,
			Inject: func(ctx context.Context, s *Scene) (Struck, error) { return restart(ctx, s, s.node()) },
			Heal:   nothing,
		},
		clusterFailover(),
	}
}

// node returns the node for this round. Nodes take turns.
func (s *Scene) node() int { return s.Round % world.ClusterMasters }

func clusterStop() Fault {
	return Fault{
		Name: "cluster: node stopped 5 s", Redis: true, CutsOff: true,
		Inject: whileLeaving(stopFor, func(_ context.Context, s *Scene) error {
			s.World.Redis.Stop(s.node())
			return nil
		}),
		Heal: func(_ context.Context, s *Scene) error {
			s.World.Redis.Continue(s.node())
			return nil
		},
	}
}

// clusterFailover promotes the copy of a master. The master returns as a copy,
// so that the next round promotes it.
func clusterFailover() Fault {
	return Fault{
		Name: "cluster: failover", Warm: true,
		Inject: func(ctx context.Context, s *Scene) (Struck, error) {
			l, err := gather(ctx, s)
			if err != nil {
				return nil, err
			}
			master, err := s.World.Redis.Failover(ctx)
			if err != nil {
				return nil, err
			}
			if err := l.leave(ctx, s, aftermath); err != nil {
				return nil, err
			}
			return seen(true, "its copy is master"), s.World.Redis.Start(master)
		},
		Heal: nothing,
	}
}
