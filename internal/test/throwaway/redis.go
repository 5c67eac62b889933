package throwaway

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// RedisServer is a running redis-server without persistence. Its methods must be
// called from the test's goroutine; they fail the test that started it.
type RedisServer struct {
	tb testing.TB
	s  *server
}

// Redis starts a Redis server for this test and stops it after the test. args
// are added to its command line, such as "--maxmemory-policy", "allkeys-lru".
func Redis(tb testing.TB, args ...string) *RedisServer {
	tb.Helper()
	r, err := startRedis(LookPath(tb, "redis-server", "redis-server"), args)
	if err != nil {
		tb.Fatalf("throwaway redis: %v", err)
	}
	r.tb = tb
	tb.Cleanup(func() {
		if err := r.s.remove(); err != nil {
			tb.Errorf("throwaway redis: %v", err)
		}
	})
	return r
}

func startRedis(binary string, args []string) (*RedisServer, error) {
	dir, err := newDirectory("", nil)
	if err != nil {
		return nil, err
	}
	s := &server{dir: dir}
	s.argv = func(port int) []string {
		return append([]string{binary, "--bind", loopback, "--port", strconv.Itoa(port),
			"--dir", dir.path, "--save", "", "--appendonly", "no"}, args...)
	}
	s.ready = func(pid int) error { return redisReady(s.addr(), pid) }
	if err := s.launch(); err != nil {
		return nil, errors.Join(err, s.remove())
	}
	return &RedisServer{s: s}, nil
}

// Addr returns host:port, which stays the same after a restart.
func (r *RedisServer) Addr() string { return r.s.addr() }

// URL returns redis://host:port/0.
func (r *RedisServer) URL() string { return "redis://" + r.s.addr() + "/0" }

// Stop stops the server with SIGTERM.
func (r *RedisServer) Stop() { r.s.end(syscall.SIGTERM) }

// Kill kills the server with SIGKILL.
func (r *RedisServer) Kill() { r.s.kill() }

// Restart stops the server if it runs, and starts it again on the same port,
// empty and with a new run id.
func (r *RedisServer) Restart() {
	r.tb.Helper()
	r.s.kill()
	if err := r.s.start(); err != nil {
		r.tb.Fatalf("restart throwaway redis: %v", err)
	}
}

// redisReady checks which server answers at addr. It compares the process id,
// because another server may have taken the port.
func redisReady(addr string, pid int) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })() // a server that holds the port but does not answer must not block us
	if _, err := conn.Write([]byte("INFO server\r\n")); err != nil {
		return err
	}
	want := fmt.Appendf(nil, "\r\nprocess_id:%d\r\n", pid)
	var answer []byte
	for buf := make([]byte, 4096); !bytes.Contains(answer, want); {
		n, err := conn.Read(buf)
		if err != nil {
			return fmt.Errorf("no answer from process %d: %w", pid, err)
		}
		answer = append(answer, buf[:n]...)
	}
	return nil
}
