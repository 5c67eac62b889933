package redispool_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/redispool"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
)

// trial is a pool under test and what it logs.
type trial struct {
	*redispool.Pool
	log *logcheck.Text
}

func open(t *testing.T, url string, o redispool.Options) trial {
	t.Helper()
	log := &logcheck.Text{}
	t.Cleanup(func() { logcheck.Check(t, log.String()) })
	o.URL, o.Logger = url, slog.New(slog.NewTextHandler(log, nil))
	pool, err := redispool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	return trial{pool, log}
}

// ask sends a brief command to the node that has a key.
func (p trial) ask(ctx context.Context, key string) error {
	ctx, cancel := p.Brief(ctx)
	defer cancel()
	err := p.Client().Get(ctx, key).Err()
	if errors.Is(err, redis.Nil) {
		return nil
	}
	return err
}

// awaitAnswer asks until the node answers.
func (p trial) awaitAnswer(t *testing.T, key string) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for p.ask(t.Context(), key) != nil {
		select {
		case <-deadline:
			t.Fatal("no answer again")
		default:
		}
	}
}

func (p trial) wantLog(t *testing.T, lines ...string) {
	t.Helper()
	log := p.log.String()
	if got := strings.Count(log, "\n"); got != len(lines) {
		t.Errorf("%d lines, want %d:\n%s", got, len(lines), log)
	}
	for _, line := range lines {
		if !strings.Contains(log, line) {
			t.Errorf("%q is not in the log:\n%s", line, log)
		}
	}
}

// unhurried is a timeout that a busy machine keeps.
const unhurried = 2 * time.Second

const (
	saysBad  = "redis timeouts; circuit open"
	saysGood = "redis answers again; circuit closed"
)

func TestPool_Hang(t *testing.T) {
	t.Parallel()
	proxy := throwaway.NewProxy(t, throwaway.Redis(t).Addr())
	p := open(t, "redis://"+proxy.Addr(), redispool.Options{OpenFor: time.Hour, Timeout: unhurried})
	p.awaitAnswer(t, "k")
	proxy.Hang(true)
	failed := 0
	for ; !errors.Is(p.ask(t.Context(), "k"), redispool.ErrRefused); failed++ {
	}
	if failed != 3 {
		t.Errorf("%d commands had to wait, want 3", failed)
	}
	sent := proxy.Requests()
	for range 1000 {
		if err := p.ask(t.Context(), "k"); !errors.Is(err, redispool.ErrRefused) {
			t.Fatalf("error %v", err)
		}
	}
	if n := proxy.Requests() - sent; n > failed { // those may still have been on their way
		t.Errorf("%d commands were sent while the breaker was open", n)
	}
	if n := p.OpenBreakers(); n != 1 {
		t.Errorf("%d breakers are open, want 1", n)
	}

	proxy.Hang(false)
	for n := 0; p.Client().Set(t.Context(), "k", "v", 0).Err() != nil; n++ { // it is sent, and may come too late
		if n == 10 {
			t.Fatal("a command that is not brief is not sent")
		}
	}
	p.wantLog(t, saysBad)
}

func TestPool_Back(t *testing.T) {
	t.Parallel()
	server := throwaway.Redis(t)
	p := open(t, server.URL(), redispool.Options{OpenFor: time.Millisecond, Timeout: time.Minute})
	p.awaitAnswer(t, "k")
	server.Kill()
	for !errors.Is(p.ask(t.Context(), "k"), redispool.ErrRefused) {
	}
	server.Restart()
	p.awaitAnswer(t, "k")
	if n := p.OpenBreakers(); n != 0 {
		t.Errorf("%d breakers are open", n)
	}
	p.wantLog(t, saysBad, saysGood)
}

// TestPool_NoTrouble: neither a client that hangs up nor an answer that is an
// error says that Redis is slow.
func TestPool_NoTrouble(t *testing.T) {
	t.Parallel()
	p := open(t, throwaway.Redis(t).URL(), redispool.Options{OpenFor: time.Hour, Timeout: time.Minute})
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	ctx, done := p.Brief(t.Context())
	defer done()
	for range 20 {
		if err := p.ask(gone, "k"); !errors.Is(err, context.Canceled) {
			t.Fatalf("error %v", err)
		}
		var answer redis.Error
		if err := p.Client().Do(ctx, "NONSENSE").Err(); !errors.As(err, &answer) {
			t.Fatalf("error %v", err)
		}
	}
	if err := p.ask(t.Context(), "k"); err != nil {
		t.Errorf("error %v", err)
	}
	p.wantLog(t)
}

// TestPool_Cluster: a node that hangs does not take the others' answers away.
func TestPool_Cluster(t *testing.T) {
	t.Parallel()
	cluster := throwaway.Cluster(t, 3, false)
	p := open(t, cluster.URL(), redispool.Options{OpenFor: time.Hour, Timeout: unhurried})
	const first, last = "{b}", "{a}" // slots 3300 and 15495
	p.awaitAnswer(t, first)
	p.awaitAnswer(t, last)
	cluster.Masters[0].Signal(syscall.SIGSTOP)
	for !errors.Is(p.ask(t.Context(), first), redispool.ErrRefused) {
	}
	for range 100 {
		if err := p.ask(t.Context(), first); !errors.Is(err, redispool.ErrRefused) {
			t.Fatalf("error %v of the node that hangs", err)
		}
	}
	p.awaitAnswer(t, last)
	p.wantLog(t, cluster.Masters[0].Addr())
}
