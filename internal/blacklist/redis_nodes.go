package blacklist

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/redispool"
)

const (
	// askFor times the pool's patience is how long asking or marking all nodes may
	// take: connecting, reading a cluster's slots, and the answer.
	askFor = 2
	// lateRounds is how many rounds in a row a node may answer late before it is
	// no longer named. Lookups do not wait for it, but writers do until then.
	lateRounds = 3
)

// masters returns the run ids of the masters that can be relied on.
func (r *redisBackend) masters(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor*r.pool.Patience())
	defer cancel()
	return redispool.AskMasters(ctx, r.pool, r.ask)
}

// ask returns a node's run id, or why the node is not to be named.
func (r *redisBackend) ask(ctx context.Context, node redis.Cmdable) (string, error) {
	// A timer, because a clock that is set says nothing about durations.
	brief := time.NewTimer(r.pool.Timeout())
	id, err := runIDOf(ctx, node)
	if err != nil {
		return "", err
	}
	late := false
	select {
	case <-brief.C:
		late = true
	default:
	}
	if r.late.count(id, late) >= lateRounds {
		return "", fmt.Errorf("the node has been taking longer than %v to answer", r.pool.Timeout())
	}
	return id, nil
}

// lateness counts how many rounds in a row nodes have answered late.
type lateness struct {
	mu     sync.Mutex
	rounds map[string]int // by run id, of late nodes only
}

func (l *lateness) count(node string, late bool) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !late {
		delete(l.rounds, node)
		return 0
	}
	if l.rounds == nil {
		l.rounds = make(map[string]int)
	}
	l.rounds[node]++
	return l.rounds[node]
}

// runIDOf returns a node's run id, or why the node cannot be relied on. Under a
// policy other than noeviction it silently drops entries when memory is short; a
// replica accepts none.
func runIDOf(ctx context.Context, node redis.Cmdable) (string, error) {
	info, err := node.Info(ctx).Result()
	if err != nil {
		return "", fmt.Errorf("asking for the run id: %w", err)
	}
	id, role, policy := redispool.InfoField(info, "run_id"), redispool.InfoField(info, "role"), redispool.InfoField(info, "maxmemory_policy")
	switch {
	case id == "":
		return "", errors.New("the node reports no run id")
	case role != "master":
		return "", fmt.Errorf("the node is a %q, not a master", role)
	case policy != redispool.TrustedPolicy:
		return "", fmt.Errorf("maxmemory-policy is %q, must be %s", policy, redispool.TrustedPolicy)
	}
	return id, nil
}
