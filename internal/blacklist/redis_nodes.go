package blacklist

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// masters asks each master who it is and whether it keeps what it is given.
func (r *redisBackend) masters(ctx context.Context) ([]string, error) {
	var found nodeList
	if cluster, ok := r.client.(*redis.ClusterClient); ok {
		err := cluster.ForEachMaster(ctx, func(ctx context.Context, node *redis.Client) error {
			found.add(runIDOf(ctx, node))
			return nil // one that is away must not hide the others
		})
		found.fail(err)
	} else {
		found.add(runIDOf(ctx, r.client))
	}
	return found.ids, errors.Join(found.errs...)
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
func runIDOf(ctx context.Context, client redis.Cmdable) (string, error) {
	info, err := client.Info(ctx).Result()
	if err != nil {
		return "", fmt.Errorf("ask for the run id: %w", err)
	}
	id, role, policy := infoField(info, "run_id"), infoField(info, "role"), infoField(info, "maxmemory_policy")
	switch {
	case id == "":
		return "", errors.New("the node tells no run id")
	case role != "master":
		return "", fmt.Errorf("the node is a %q, not a master", role)
	case policy != "noeviction":
		return "", fmt.Errorf("maxmemory-policy is %q, must be noeviction", policy)
	}
	return id, nil
}

// infoField finds "name:value" in an answer to INFO; "" when it is not there.
func infoField(info, name string) string {
	for line := range strings.Lines(info) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && k == name {
			return v
		}
	}
	return ""
}
