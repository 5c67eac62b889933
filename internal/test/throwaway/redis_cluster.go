package throwaway

import (
	"fmt"
	"net"
	"strconv"
	"strings"
	"testing"
)

// slots is the number of slots of a cluster.
const slots = 16384

// RedisCluster is a cluster whose masters share the slots evenly. Its methods
// must be called from the test's goroutine; they fail the test that started it.
type RedisCluster struct {
	tb       testing.TB
	Masters  []*RedisServer
	Replicas []*RedisServer // one per master in their order, or empty
}

// Cluster starts a cluster of masters, each with a replica if replicas is true,
// and stops it after the test. The nodes never declare each other dead, so that
// a slow machine changes nothing.
func Cluster(tb testing.TB, masters int, replicas bool) *RedisCluster {
	tb.Helper()
	c := &RedisCluster{tb: tb}
	for range masters {
		c.Masters = append(c.Masters, c.node())
		if replicas {
			c.Replicas = append(c.Replicas, c.node())
		}
	}
	for i, m := range c.Masters {
		c.must(m, "CLUSTER", "ADDSLOTSRANGE", i*slots/masters, (i+1)*slots/masters-1)
	}
	for i, n := range c.nodes() {
		// Without different epochs, nodes disagree about the owner of a slot.
		c.must(n, "CLUSTER", "SET-CONFIG-EPOCH", i+1)
	}
	c.meet()
	for i, r := range c.Replicas {
		c.must(r, "CLUSTER", "REPLICATE", c.ID(c.Masters[i]))
	}
	c.Await("all know what is whose, and replicas have copied it", func() bool { return c.consistent(c.nodes()) })
	for _, n := range c.nodes() { // until here they had to communicate often
		c.must(n, "CONFIG", "SET", "cluster-node-timeout", 3_600_000)
	}
	return c
}

// node starts a node. The bus gets a port of its own, because the default one,
// 10000 higher, may not exist.
func (c *RedisCluster) node() *RedisServer {
	c.tb.Helper()
	bus, err := freePort()
	if err != nil {
		c.tb.Fatalf("throwaway cluster: %v", err)
	}
	return Redis(c.tb, "--cluster-enabled", "yes", "--cluster-port", strconv.Itoa(bus),
		"--cluster-node-timeout", "2000", "--cluster-require-full-coverage", "no",
		"--cluster-replica-validity-factor", "0", "--cluster-allow-replica-migration", "no",
		"--repl-diskless-sync-delay", "0")
}

// nodes returns all nodes, masters first.
func (c *RedisCluster) nodes() []*RedisServer {
	return append(append([]*RedisServer{}, c.Masters...), c.Replicas...)
}

// meet introduces every node to the first one, and returns when all know each
// other.
func (c *RedisCluster) meet() {
	c.tb.Helper()
	host, port, _ := net.SplitHostPort(c.Masters[0].Addr())
	bus, err := ask(c.Masters[0], "CONFIG", "GET", "cluster-port").StringSlice()
	if err != nil || len(bus) != 2 {
		c.tb.Fatalf("throwaway cluster: bus %v, %v", bus, err)
	}
	for _, n := range c.nodes()[1:] {
		c.must(n, "CLUSTER", "MEET", host, port, bus[1])
	}
	c.Await("all nodes know all", func() bool {
		for _, n := range c.nodes() {
			known := fmt.Sprintf("cluster_known_nodes:%d\r\n", len(c.nodes()))
			if text, _ := ask(n, "CLUSTER", "INFO").Text(); !strings.Contains(text, known) {
				return false
			}
		}
		return true
	})
}

// consistent reports whether these nodes know which node serves which slot, and
// whether replicas follow their masters.
func (c *RedisCluster) consistent(nodes []*RedisServer) bool {
	served := fmt.Sprintf("cluster_slots_ok:%d\r\n", slots)
	for _, n := range nodes {
		text, _ := ask(n, "CLUSTER", "INFO").Text()
		about := info(n)
		if !strings.Contains(text, "cluster_state:ok") || !strings.Contains(text, served) ||
			strings.Contains(about, "role:slave") != strings.Contains(about, "master_link_status:up") {
			return false
		}
	}
	return len(c.Replicas) == 0 || len(c.Replicas) == c.count(nodes, "role:slave")
}

func (c *RedisCluster) count(nodes []*RedisServer, role string) int {
	n := 0
	for _, node := range nodes {
		if strings.Contains(info(node), role) {
			n++
		}
	}
	return n
}

// URL returns redis+cluster://host:port?addr=... with all nodes.
func (c *RedisCluster) URL() string {
	var others []string
	for _, n := range c.nodes()[1:] {
		others = append(others, "addr="+n.Addr())
	}
	return "redis+cluster://" + c.Masters[0].Addr() + "?" + strings.Join(others, "&")
}

// ID returns a node's name in the cluster.
func (c *RedisCluster) ID(n *RedisServer) string {
	c.tb.Helper()
	id, err := ask(n, "CLUSTER", "MYID").Text()
	if err != nil {
		c.tb.Fatalf("throwaway cluster: %v", err)
	}
	return id
}

// Promote makes a replica replace its master, which may be dead. It returns when
// the other living nodes follow it.
func (c *RedisCluster) Promote(replica *RedisServer) {
	c.tb.Helper()
	c.must(replica, "CLUSTER", "FAILOVER", "TAKEOVER")
	c.Await("replica is promoted", func() bool {
		id, text := c.ID(replica), ""
		for _, n := range c.nodes() {
			if t, err := ask(n, "CLUSTER", "NODES").Text(); err == nil {
				text += t
				if !strings.Contains(lineOf(t, id), "master") {
					return false
				}
			}
		}
		return text != ""
	})
}

func lineOf(text, id string) string {
	for line := range strings.Lines(text) {
		if strings.HasPrefix(line, id) {
			return line
		}
	}
	return ""
}

// Await polls until done returns true, and fails the test if that never happens.
func (c *RedisCluster) Await(what string, done func() bool) {
	c.tb.Helper()
	if !every(startTimeout, done) {
		c.tb.Fatalf("not within %v: %s; a log: %s", startTimeout, what, c.Masters[0].s.logTail())
	}
}

// Move moves a slot with all its keys from one master to another, as redis-cli
// does. It calls midway when the slot is being moved and the first key has been
// moved.
func (c *RedisCluster) Move(slot int, from, to *RedisServer, midway func()) {
	c.tb.Helper()
	c.must(to, "CLUSTER", "SETSLOT", slot, "IMPORTING", c.ID(from))
	c.must(from, "CLUSTER", "SETSLOT", slot, "MIGRATING", c.ID(to))
	host, port, _ := net.SplitHostPort(to.Addr())
	for first := true; ; first = false {
		keys, err := ask(from, "CLUSTER", "GETKEYSINSLOT", slot, 1).StringSlice()
		if err != nil {
			c.tb.Fatalf("throwaway cluster: %v", err)
		}
		if len(keys) == 0 {
			break
		}
		c.must(from, "MIGRATE", host, port, keys[0], 0, startTimeout.Milliseconds())
		if first {
			midway()
		}
	}
	for _, n := range []*RedisServer{to, from} {
		c.must(n, "CLUSTER", "SETSLOT", slot, "NODE", c.ID(to))
	}
}

func (c *RedisCluster) must(n *RedisServer, args ...any) {
	c.tb.Helper()
	if err := ask(n, args...).Err(); err != nil {
		c.tb.Fatalf("throwaway cluster: %v: %v", args, err)
	}
}
