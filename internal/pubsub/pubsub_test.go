package pubsub_test

import (
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/auth"
	"rekey/internal/pubsub"
	"rekey/internal/pubsub/pubsubtest"
	"rekey/internal/test/throwaway"
)

func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }

func TestLocal(t *testing.T) {
	pubsubtest.Run(t, func(*testing.T) (here, there auth.Bus) {
		bus := pubsub.NewLocal()
		return bus, bus
	})
}

func TestRedis(t *testing.T) {
	server := throwaway.Redis(t)
	pubsubtest.Run(t, func(t *testing.T) (here, there auth.Bus) {
		return subscribed(t, server), subscribed(t, server)
	})
}

// TestRedis_cluster: a channel reaches everybody whatever node they asked.
func TestRedis_cluster(t *testing.T) {
	server := throwaway.Redis(t, "--cluster-enabled", "yes")
	client := redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: []string{server.Addr()}, DialTimeout: patient, ReadTimeout: patient, WriteTimeout: patient, PoolTimeout: patient,
	})
	t.Cleanup(func() { _ = client.Close() })
	node := connect(t, server)
	if err := node.Do(t.Context(), "CLUSTER", "ADDSLOTSRANGE", 0, 16383).Err(); err != nil {
		t.Fatal(err)
	}
	for !strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok") { // asks until the node has counted itself
		if t.Context().Err() != nil {
			t.Fatal("the cluster does not come up")
		}
	}
	pubsubtest.Run(t, func(t *testing.T) (here, there auth.Bus) { return run(t, options(client)), run(t, options(client)) })
}

// patient is what nothing times out by, however slow the machine is.
const patient = time.Minute

func connect(t *testing.T, server *throwaway.RedisServer) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: server.Addr(), MaxRetries: -1, DialTimeout: patient, ReadTimeout: patient, WriteTimeout: patient, PoolTimeout: patient,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func options(client redis.UniversalClient) pubsub.RedisOptions {
	return pubsub.RedisOptions{
		Client: client, After: time.After, Logger: slog.New(slog.DiscardHandler), SendTimeout: patient, Silence: patient,
	}
}

// subscribed returns a running bus on a client of its own.
func subscribed(t *testing.T, server *throwaway.RedisServer) *pubsub.Redis {
	t.Helper()
	return run(t, options(connect(t, server)))
}

func run(t *testing.T, o pubsub.RedisOptions) *pubsub.Redis {
	t.Helper()
	bus := pubsub.NewRedis(o)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		bus.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	pubsubtest.Listen(t, bus).Await(auth.NoticeBack)
	return bus
}

func note(session string) auth.Notice {
	return auth.Notice{Kind: auth.NoticeRevoked, SessionID: session, At: time.Unix(1, 0).UTC()}
}

// TestRedis_away: while Redis is away followers are told so, what is published
// here is heard here, and nobody waits.
func TestRedis_away(t *testing.T) {
	server := throwaway.Redis(t)
	here, there := subscribed(t, server), subscribed(t, server)
	near, far := pubsubtest.Listen(t, here), pubsubtest.Listen(t, there)
	near.Await(auth.NoticeBack)
	far.Await(auth.NoticeBack)
	server.Kill()
	near.Await(auth.NoticeLost)
	far.Await(auth.NoticeLost)
	for range 20_000 { // more than any queue holds
		here.Publish(note("away"))
	}
	if n := near.Await(auth.NoticeRevoked); n.SessionID != "away" {
		t.Errorf("heard %+v", n)
	}
	server.Restart()
	far.Await(auth.NoticeBack)
	heard := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		again := time.NewTicker(10 * time.Millisecond) // what meets a connection that has ended is lost
		defer again.Stop()
		for {
			here.Publish(note("back"))
			select {
			case <-again.C:
			case <-heard:
				return
			}
		}
	})
	t.Cleanup(wg.Wait)
	defer close(heard)
	for far.Await(auth.NoticeRevoked).SessionID != "back" {
	}
}

// TestRedis_silent: a connection that hangs is noticed.
func TestRedis_silent(t *testing.T) {
	server := throwaway.Redis(t)
	o := options(connect(t, server))
	o.Silence = time.Second
	e := pubsubtest.Listen(t, run(t, o))
	e.Await(auth.NoticeBack)
	server.Signal(syscall.SIGSTOP)
	e.Await(auth.NoticeLost)
	server.Signal(syscall.SIGCONT)
	e.Await(auth.NoticeBack)
}

// TestRedis_flush: a process that does not run the bus, as a command, leaves
// nothing unsaid.
func TestRedis_flush(t *testing.T) {
	server := throwaway.Redis(t)
	e := pubsubtest.Listen(t, subscribed(t, server))
	e.Await(auth.NoticeBack)
	command := pubsub.NewRedis(options(connect(t, server)))
	for range 250 { // several batches
		command.Publish(note("command"))
	}
	command.Flush(t.Context())
	for range 250 {
		e.Await(auth.NoticeRevoked)
	}
}

// TestRedis_garbage: what others write to the channel is ignored.
func TestRedis_garbage(t *testing.T) {
	server := throwaway.Redis(t)
	bus := subscribed(t, server)
	e := pubsubtest.Listen(t, bus)
	e.Await(auth.NoticeBack)
	client := connect(t, server)
	for _, text := range []string{"", "{", "null", `[]`, `{"kind":"lost"}`, `{"kind":"back"}`, `{"kind":7}`, `{"kind":"revoked","hash":"!"}`} {
		if err := client.Publish(t.Context(), "rekey:notices", text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	subscribed(t, server).Publish(note("good"))
	if n := e.Next(); n.SessionID != "good" {
		t.Errorf("heard %+v", n)
	}
}
