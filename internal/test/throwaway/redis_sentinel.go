package throwaway

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// masterName names the master in the sentinel's configuration.
const masterName = "main"

// RedisSentinel is a sentinel that watches a master and a replica. It promotes
// the replica on request, whether the master lives or not.
type RedisSentinel struct {
	tb       testing.TB
	sentinel *RedisServer
	nodes    []*RedisServer
}

// Sentinel starts a master, its replica and a sentinel, and ends them after
// the test. It returns when the sentinel knows both.
func Sentinel(tb testing.TB) *RedisSentinel {
	tb.Helper()
	master := Redis(tb)
	host, port, _ := net.SplitHostPort(master.Addr())
	s := &RedisSentinel{tb: tb, nodes: []*RedisServer{master, Redis(tb, "--replicaof", host, port)}}
	// A sentinel asks for replicas at once and then every ten seconds.
	s.await("replica follows", func() bool { return strings.Contains(info(s.nodes[1]), "master_link_status:up") })
	var err error
	if s.sentinel, err = startSentinel(LookPath(tb, "redis-server", "redis-server"), host, port); err != nil {
		tb.Fatalf("throwaway sentinel: %v", err)
	}
	tb.Cleanup(func() {
		if err := s.sentinel.s.remove(); err != nil {
			tb.Errorf("throwaway sentinel: %v", err)
		}
	})
	// The default periods of ten seconds can be changed for tests only. A server
	// that does not support this is just slower. A replica is promoted only if
	// its INFO is no older than three periods. A sentinel whose timer is two
	// seconds late does nothing for half a minute, and a machine may pause for
	// that long.
	ask(s.sentinel, "SENTINEL", "DEBUG", "INFO-PERIOD", 1000, "PUBLISH-PERIOD", 200, "ASK-PERIOD", 100, "TILT-TRIGGER", 3_600_000)
	s.await("sentinel knows the replica", func() bool {
		replicas, err := ask(s.sentinel, "SENTINEL", "REPLICAS", masterName).Slice()
		return err == nil && len(replicas) == 1
	})
	return s
}

// startSentinel writes the file in which a sentinel stores its state. The
// sentinel declares no server dead by itself, so that a slow machine changes
// nothing.
func startSentinel(binary, host, port string) (*RedisServer, error) {
	dir, err := newDirectory("", nil)
	if err != nil {
		return nil, err
	}
	conf := filepath.Join(dir.path, "sentinel.conf")
	text := fmt.Sprintf("sentinel monitor %[1]s %[2]s %[3]s 1\nsentinel down-after-milliseconds %[1]s 3600000\n"+
		"sentinel failover-timeout %[1]s 60000\n", masterName, host, port)
	if err := os.WriteFile(conf, []byte(text), 0o600); err != nil {
		return nil, errors.Join(fmt.Errorf("write sentinel.conf: %w", err), dir.remove())
	}
	s := &server{dir: dir}
	s.argv = func(port int) []string {
		return []string{binary, conf, "--sentinel", "--bind", loopback, "--port", strconv.Itoa(port), "--dir", dir.path}
	}
	s.ready = func(pid int) error { return redisReady(s.addr(), pid) }
	if err := s.launch(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return &RedisServer{s: s}, nil
}

// URL returns redis+sentinel://host:port?master_name=...
func (s *RedisSentinel) URL() string {
	return "redis+sentinel://" + s.sentinel.Addr() + "?master_name=" + masterName
}

// Master returns the server that the sentinel reports as the master.
func (s *RedisSentinel) Master() *RedisServer {
	s.tb.Helper()
	answer, err := ask(s.sentinel, "SENTINEL", "GET-MASTER-ADDR-BY-NAME", masterName).StringSlice()
	if err != nil || len(answer) != 2 {
		s.tb.Fatalf("ask for the master: %v, %v", answer, err)
	}
	for _, node := range s.nodes {
		if node.Addr() == net.JoinHostPort(answer[0], answer[1]) {
			return node
		}
	}
	s.tb.Fatalf("the sentinel names %v, which is not one of ours", answer)
	return nil
}

// Failover has the sentinel swap the living master and replica, and returns
// when both know it.
func (s *RedisSentinel) Failover() {
	s.tb.Helper()
	old := s.Master()
	s.Promote(old)
	s.await("old master is a replica", func() bool { return strings.Contains(info(old), "role:slave") })
}

// Promote makes the sentinel promote the node that is not old, and returns when
// this is done. old may be dead.
func (s *RedisSentinel) Promote(old *RedisServer) {
	s.tb.Helper()
	s.await("other node is promoted", func() bool {
		master := s.Master()
		if master == old {
			// The sentinel refuses this during a failover, and if the replica
			// has not answered recently. In these cases the loop repeats it.
			_ = ask(s.sentinel, "SENTINEL", "FAILOVER", masterName).Err()
		}
		return master != old && strings.Contains(info(master), "role:master")
	})
}

func (s *RedisSentinel) await(what string, done func() bool) {
	s.tb.Helper()
	if !every(startTimeout, done) {
		log := "not started"
		if s.sentinel != nil {
			log = s.sentinel.s.logTail()
		}
		s.tb.Fatalf("not within %v: the %s; the sentinel's log: %s", startTimeout, what, log)
	}
}

// ask sends one command to a server.
func ask(r *RedisServer, args ...any) *redis.Cmd {
	client := redis.NewClient(&redis.Options{Addr: r.Addr(), MaxRetries: -1, Protocol: 2, DialTimeout: startTimeout, ReadTimeout: startTimeout})
	defer func() { _ = client.Close() }()
	return client.Do(context.Background(), args...)
}

// info returns what a server says of itself, "" when it does not answer.
func info(r *RedisServer) string {
	text, _ := ask(r, "INFO").Text()
	return text
}
