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

// TrustedPolicy is the one maxmemory-policy under which a node keeps what it
// was given.
const TrustedPolicy = "noeviction"

// Node is what an operator wants to know of a master.
type Node struct {
	Version string
	Role    string // "master", or the node should not have been asked
	Policy  string // maxmemory-policy
}

// Nodes asks each master who it is, those that answer, and why others do not.
func (p *Pool) Nodes(ctx context.Context) ([]Node, error) {
	ctx, cancel := context.WithTimeout(ctx, 2*p.Patience())
	defer cancel()
	var (
		mu    sync.Mutex
		nodes []Node
		errs  []error
	)
	err := p.EachMaster(ctx, func(ctx context.Context, node redis.Cmdable) error {
		info, err := node.Info(ctx).Result()
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			errs = append(errs, fmt.Errorf("asking a node: %w", err))
			return nil // one that is away must not hide the others
		}
		nodes = append(nodes, Node{
			Version: InfoField(info, "redis_version"), Role: InfoField(info, "role"), Policy: InfoField(info, "maxmemory_policy"),
		})
		return nil
	})
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Policy, b.Policy) })
	return nodes, errors.Join(append(errs, err)...)
}

// Kind is what a URL leads to: "server", "sentinel" or "cluster".
func Kind(address string) string {
	scheme, _, _ := strings.Cut(address, "://")
	if _, kind, ok := strings.Cut(scheme, "+"); ok {
		return kind
	}
	return "server"
}

// InfoField finds "name:value" in an answer to INFO; "" when it is not there.
func InfoField(info, name string) string {
	for line := range strings.Lines(info) {
		if k, v, ok := strings.Cut(strings.TrimSpace(line), ":"); ok && k == name {
			return v
		}
	}
	return ""
}
