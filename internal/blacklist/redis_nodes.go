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
	// askFor times the pool's patience is what asking or marking all nodes may
	// take: connecting, a cluster's slots, and the answer.
	askFor = 2
	// lateRounds is how many rounds on end a node may answer late before it is
	// named no more. A look has long given up on it; until then writers wait.
	lateRounds = 3
)

// masters asks each master who it is and whether it keeps what it is given.
func (r *redisBackend) masters(ctx context.Context) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askFor*r.pool.Patience())
	defer cancel()
	var found nodeList
	err := r.pool.EachMaster(ctx, func(ctx context.Context, node redis.Cmdable) error {
		found.add(r.ask(ctx, node))
		return nil // one that is away must not hide the others
	})
	found.fail(err)
	return found.ids, errors.Join(found.errs...)
}

// ask returns a node's run id, or why it is not to be named.
func (r *redisBackend) ask(ctx context.Context, node redis.Cmdable) (string, error) {
	// A timer, since clocks that are set tell nothing of how long it takes.
	brief := time.NewTimer(r.pool.Timeout())
	id, err := runIDOf(ctx, node)
	if err != nil {
		return "", err
	}
	if r.late.count(id, hasFired(brief)) >= lateRounds {
		return "", fmt.Errorf("the node has been taking longer than %v to answer", r.pool.Timeout())
	}
	return id, nil
}

func hasFired(t *time.Timer) bool {
	select {
	case <-t.C:
		return true
	default:
		return false
	}
}

// lateness counts for how many rounds on end nodes have answered late.
type lateness struct {
	mu     sync.Mutex
	rounds map[string]int // by run id; those in time are not in it
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

// nodeList collects from several goroutines.
type nodeList struct {
	mu   sync.Mutex
	ids  []string
	errs []error
}

func (l *nodeList) add(id string, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err != nil {
		l.errs = append(l.errs, err)
		return
	}
	l.ids = append(l.ids, id)
}

func (l *nodeList) fail(err error) {
	if err != nil {
		l.errs = append(l.errs, err)
	}
}

// runIDOf returns a node's run id, or why it cannot be relied on. A node under
// another policy than noeviction drops entries when memory gets short, and
// nobody would know; a replica takes none.
func runIDOf(ctx context.Context, node redis.Cmdable) (string, error) {
	info, err := node.Info(ctx).Result()
	if err != nil {
		return "", fmt.Errorf("ask for the run id: %w", err)
	}
	id, role, policy := redispool.InfoField(info, "run_id"), redispool.InfoField(info, "role"), redispool.InfoField(info, "maxmemory_policy")
	switch {
	case id == "":
		return "", errors.New("the node tells no run id")
	case role != "master":
		return "", fmt.Errorf("the node is a %q, not a master", role)
	case policy != redispool.TrustedPolicy:
		return "", fmt.Errorf("maxmemory-policy is %q, must be %s", policy, redispool.TrustedPolicy)
	}
	return id, nil
}
