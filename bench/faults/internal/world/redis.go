package world

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/test/throwaway"
)

// RedisKind names a Redis setup.
type RedisKind string

// The kinds.
const (
	SingleRedis  RedisKind = "single"
	ClusterRedis RedisKind = "cluster" // three masters; replicas connect to the nodes without proxies
)

// ClusterMasters is the number of masters of a cluster. One more node copies the
// first master.
const ClusterMasters = 3

// Redis is one server, or the nodes of a cluster.
type Redis struct {
	nodes   []*throwaway.RedisServer // for a single server: the master, and former and future masters
	cluster string                   // REDIS_URL of a cluster
}

func newRedis(kind RedisKind) (*Redis, error) {
	r := &Redis{}
	if kind == ClusterRedis {
		return r, r.openCluster()
	}
	node, err := throwaway.OpenRedis()
	if err != nil {
		return nil, err
	}
	r.nodes = []*throwaway.RedisServer{node}
	return r, nil
}

// openCluster starts a cluster. A cluster announces its nodes' own addresses, so
// that no proxies can be in front of each replica. Its faults are those of its
// nodes.
func (r *Redis) openCluster() error {
	addrs := make([]string, ClusterMasters+1)
	for i := range addrs {
		bus, err := throwaway.FreeAddr()
		if err != nil {
			return err
		}
		_, port := hostPort(bus)
		node, err := throwaway.OpenRedis("--cluster-enabled", "yes", "--cluster-port", port,
			"--cluster-node-timeout", "1000", "--cluster-require-full-coverage", "no")
		if err != nil {
			return errors.Join(err, r.close())
		}
		r.nodes = append(r.nodes, node)
		addrs[i] = node.Addr()
	}
	r.cluster = "redis+cluster://" + addrs[0] + "?addr=" + strings.Join(addrs[1:], "&addr=")
	if err := r.join(addrs[:ClusterMasters], addrs[ClusterMasters]); err != nil {
		return errors.Join(err, r.close())
	}
	return nil
}

// join creates a cluster of the masters and makes the copy replicate one of
// them.
func (r *Redis) join(masters []string, copied string) error {
	ctx, cancel := context.WithTimeout(context.Background(), clusterTimeout)
	defer cancel()
	if err := cli(ctx, append(append([]string{"create"}, masters...), "--cluster-yes")...); err != nil {
		return err
	}
	id, err := do(ctx, masters[0], "CLUSTER", "MYID")
	if err != nil {
		return err
	}
	if err := cli(ctx, "add-node", copied, masters[0], "--cluster-slave", "--cluster-master-id", id.(string)); err != nil {
		return err
	}
	return r.synced(ctx, copied)
}

func cli(ctx context.Context, args ...string) error {
	if out, err := exec.CommandContext(ctx, "redis-cli", append([]string{"--cluster"}, args...)...).CombinedOutput(); err != nil {
		return fmt.Errorf("redis-cli --cluster %s: %w: %s", args[0], err, out)
	}
	return nil
}

// Failover kills the master that has a copy and promotes the copy. It returns
// the number of the killed node.
func (r *Redis) Failover(ctx context.Context) (killed int, err error) {
	master, copied := 0, len(r.nodes)-1
	info, err := do(ctx, r.nodes[copied].Addr(), "INFO", "replication")
	if err != nil {
		return 0, err
	}
	if strings.Contains(info.(string), "role:master") {
		master, copied = copied, master
	}
	if err := r.synced(ctx, r.nodes[copied].Addr()); err != nil {
		return 0, err
	}
	r.Kill(master)
	_, err = do(ctx, r.nodes[copied].Addr(), "CLUSTER", "FAILOVER", "TAKEOVER")
	return master, err
}

const clusterTimeout = 30 * time.Second

// Addr returns the address of the master.
func (r *Redis) Addr() string { return r.nodes[0].Addr() }

// Nodes returns the number of nodes.
func (r *Redis) Nodes() int { return len(r.nodes) }

// Do runs one command on a node.
func (r *Redis) Do(ctx context.Context, node int, args ...any) (any, error) {
	return do(ctx, r.nodes[node].Addr(), args...)
}

func do(ctx context.Context, addr string, args ...any) (any, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	c := redis.NewClient(&redis.Options{Addr: addr, DisableIdentity: true, MaxRetries: -1, ReadTimeout: callTimeout})
	defer func() { _ = c.Close() }()
	answer, err := c.Do(ctx, args...).Result()
	if err != nil {
		return nil, fmt.Errorf("redis %v: %w", args[0], err)
	}
	return answer, nil
}

// Keys returns the number of keys on a node.
func (r *Redis) Keys(ctx context.Context, node int) (int, error) {
	n, err := r.Do(ctx, node, "DBSIZE")
	if err != nil {
		return 0, err
	}
	return int(n.(int64)), nil
}

func (r *Redis) version(ctx context.Context) (string, error) {
	info, err := r.Do(ctx, 0, "INFO", "server")
	if err != nil {
		return "", err
	}
	_, after, _ := strings.Cut(info.(string), "redis_version:")
	version, _, _ := strings.Cut(after, "\r\n")
	return version, nil
}

// Kill kills a node with SIGKILL.
func (r *Redis) Kill(node int) { r.nodes[node].Kill() }

// Start starts a node again with the data that it saved.
func (r *Redis) Start(node int) error { return r.nodes[node].Start() }

// StartEmpty starts a node again without the data that it saved.
func (r *Redis) StartEmpty(node int) error {
	if err := r.nodes[node].Forget(); err != nil {
		return err
	}
	return r.nodes[node].Start()
}

// Stop stops a node with SIGSTOP; Continue continues it.
func (r *Redis) Stop(node int) { r.nodes[node].Signal(syscall.SIGSTOP) }

// Continue undoes Stop.
func (r *Redis) Continue(node int) { r.nodes[node].Signal(syscall.SIGCONT) }

// Follow adds a node that copies the master through a proxy of its own. It
// returns the proxy when the copy is complete.
func (r *Redis) Follow(ctx context.Context) (*Proxy, error) {
	link, err := newProxy(r.Addr())
	if err != nil {
		return nil, err
	}
	node, err := throwaway.OpenRedis()
	if err != nil {
		link.Close()
		return nil, err
	}
	r.nodes = append(r.nodes, node)
	host, port := hostPort(link.Addr())
	if _, err := do(ctx, node.Addr(), "REPLICAOF", host, port); err != nil {
		return link, err
	}
	return link, r.synced(ctx, node.Addr())
}

func (r *Redis) synced(ctx context.Context, addr string) error {
	for {
		info, err := do(ctx, addr, "INFO", "replication")
		if err != nil {
			return err
		}
		if strings.Contains(info.(string), "master_link_status:up") {
			return nil
		}
		if err := Pause(ctx, pollEvery); err != nil {
			return err
		}
	}
}

const pollEvery = 50 * time.Millisecond

// Promote makes the last added node the master. It leaves the old master as it
// is, dead or alive.
func (r *Redis) Promote(ctx context.Context) error {
	last := len(r.nodes) - 1
	r.nodes[0], r.nodes[last] = r.nodes[last], r.nodes[0]
	_, err := do(ctx, r.nodes[0].Addr(), "REPLICAOF", "NO", "ONE")
	return err
}

// DropOld stops and removes the previous master, or the copy if it was not
// promoted. The last node is never removed.
func (r *Redis) DropOld() error {
	last := len(r.nodes) - 1
	if last == 0 {
		return nil
	}
	old := r.nodes[last]
	r.nodes = r.nodes[:last]
	return old.Close()
}

func (r *Redis) close() error {
	var errs []error
	for _, n := range r.nodes {
		errs = append(errs, n.Close())
	}
	return errors.Join(errs...)
}

// Pause waits for d. It returns an error if ctx ended.
func Pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
