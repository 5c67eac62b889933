package redispool

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/redis/go-redis/v9"
)

// TrustedPolicy is the only maxmemory-policy under which a node drops no data.
const TrustedPolicy = "noeviction"

// Node has the facts about a master that operators need.
type Node struct {
	Version string
	Role    string // "master", unless the URL leads to a replica
	Policy  string // maxmemory-policy
}

// Nodes returns what each master reports, and why others do not answer.
func (p *Pool) Nodes(ctx context.Context) ([]Node, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*p.Patience())
	defer cancel()
	nodes, err := AskMasters(ctx, p, func(ctx context.Context, node redis.Cmdable) (Node, error) {
		info, err := node.Info(ctx).Result()
		if err != nil {
			return Node{}, fmt.Errorf("asking a node: %w", err)
		}
		return Node{
			Version: InfoField(info, "redis_version"), Role: InfoField(info, "role"), Policy: InfoField(info, "maxmemory_policy"),
		}, nil
	})
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Policy, b.Policy) })
	return nodes, err
}

// AskMasters calls ask for every master, in a cluster in parallel. It returns the
// answers and the errors: a node that fails does not hide the others.
func AskMasters[T any](ctx context.Context, p *Pool, ask func(context.Context, redis.Cmdable) (T, error)) ([]T, error) {
	var (
		mu      sync.Mutex
		answers []T
		errs    []error
	)
	err := p.EachMaster(ctx, func(ctx context.Context, node redis.Cmdable) error {
		answer, err := ask(ctx, node)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, err)
		} else {
			answers = append(answers, answer)
		}
		return nil
	})
	return answers, errors.Join(append(errs, err)...)
}

// Kind returns what a URL leads to: "server", "sentinel" or "cluster".
func Kind(address string) string {
	scheme, _, _ := strings.Cut(address, "://")
	if _, kind, ok := strings.Cut(scheme, "+"); ok {
		return kind
	}
	return "server"
}

// InfoField returns the value of "name:value" in an answer to INFO, "" if there is
// none.
func InfoField(info, name string) string {
	for line := range strings.Lines(info) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && k == name {
			return v
		}
	}
	return ""
}
