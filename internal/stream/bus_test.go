package stream_test

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
	"rekey/internal/stream"
	"rekey/internal/stream/streamtest"
	"rekey/internal/test/throwaway"
)

func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }

func TestLocal(t *testing.T) {
	streamtest.Run(t, func(*testing.T) (here, there *stream.Bus) {
		bus := stream.NewBus(stream.BusOptions{})
		return bus, bus
	})
}

func TestRedis(t *testing.T) {
	server := throwaway.Redis(t)
	streamtest.Run(t, func(t *testing.T) (here, there *stream.Bus) {
		return subscribed(t, server), subscribed(t, server)
	})
}

// In a cluster a channel reaches all subscribers, whichever node they use.
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
	for !strings.Contains(node.ClusterInfo(t.Context()).Val(), "cluster_state:ok") { // polls until the node has counted itself
		if t.Context().Err() != nil {
			t.Fatal("the cluster does not start")
		}
	}
	streamtest.Run(t, func(t *testing.T) (here, there *stream.Bus) { return run(t, options(client)), run(t, options(client)) })
}

// patient is a timeout for what must not time out, however slow the machine is.
const patient = time.Minute

func connect(t *testing.T, server *throwaway.RedisServer) *redis.Client {
	t.Helper()
	client := redis.NewClient(&redis.Options{
		Addr: server.Addr(), MaxRetries: -1, DialTimeout: patient, ReadTimeout: patient, WriteTimeout: patient, PoolTimeout: patient,
	})
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func options(client redis.UniversalClient) stream.BusOptions {
	return stream.BusOptions{
		Client: client, After: time.After, Logger: slog.New(slog.DiscardHandler), SendTimeout: patient, Silence: patient,
	}
}

// subscribed returns a running bus on a client of its own.
func subscribed(t *testing.T, server *throwaway.RedisServer) *stream.Bus {
	t.Helper()
	return run(t, options(connect(t, server)))
}

func run(t *testing.T, o stream.BusOptions) *stream.Bus {
	t.Helper()
	bus := stream.NewBus(o)
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	done := make(chan struct{})
	go func() {
		defer close(done)
		bus.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-done })
	streamtest.Follow(t, bus).Await(stream.BusBack)
	return bus
}

func change(session string) auth.Change {
	return auth.Change{Kind: auth.ChangeRevoked, SessionID: session, At: time.Unix(1, 0).UTC()}
}

// While Redis is unreachable followers learn that, changes that are published
// on their replica reach them, and nobody waits.
func TestRedis_unreachable(t *testing.T) {
	server := throwaway.Redis(t)
	here, there := subscribed(t, server), subscribed(t, server)
	near, far := streamtest.Follow(t, here), streamtest.Follow(t, there)
	near.Await(stream.BusBack)
	far.Await(stream.BusBack)
	server.Kill()
	near.Await(stream.BusLost)
	far.Await(stream.BusLost)
	for range 20_000 { // more than any queue holds
		here.Publish(change("unreachable"))
	}
	if c := near.Await(auth.ChangeRevoked); c.SessionID != "unreachable" {
		t.Errorf("got %+v", c)
	}
	server.Restart()
	far.Await(stream.BusBack)
	arrived := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		again := time.NewTicker(10 * time.Millisecond) // what is sent on a closed connection is lost
		defer again.Stop()
		for {
			here.Publish(change("back"))
			select {
			case <-again.C:
			case <-arrived:
				return
			}
		}
	})
	t.Cleanup(wg.Wait)
	defer close(arrived)
	for far.Await(auth.ChangeRevoked).SessionID != "back" {
	}
}

// A connection that hangs is detected.
func TestRedis_silent(t *testing.T) {
	server := throwaway.Redis(t)
	o := options(connect(t, server))
	o.Silence = time.Second
	f := streamtest.Follow(t, run(t, o))
	f.Await(stream.BusBack)
	server.Signal(syscall.SIGSTOP)
	f.Await(stream.BusLost)
	server.Signal(syscall.SIGCONT)
	f.Await(stream.BusBack)
}

// Flush sends all changes of a process that does not run the bus, for example
// a command.
func TestRedis_flush(t *testing.T) {
	server := throwaway.Redis(t)
	f := streamtest.Follow(t, subscribed(t, server))
	f.Await(stream.BusBack)
	command := stream.NewBus(options(connect(t, server)))
	for range 250 { // several batches
		command.Publish(change("command"))
	}
	command.Flush(t.Context())
	for range 250 {
		f.Await(auth.ChangeRevoked)
	}
}

// Messages that are not changes are ignored.
func TestRedis_garbage(t *testing.T) {
	server := throwaway.Redis(t)
	bus := subscribed(t, server)
	f := streamtest.Follow(t, bus)
	f.Await(stream.BusBack)
	client := connect(t, server)
	for _, text := range []string{"", "{", "null", `[]`, `{"kind":"bus_lost"}`, `{"kind":"bus_back"}`, `{"kind":"heartbeat"}`, `{"kind":7}`, `{"kind":"revoked","hash":"!"}`} {
		if err := client.Publish(t.Context(), "rekey:changes", text).Err(); err != nil {
			t.Fatal(err)
		}
	}
	subscribed(t, server).Publish(change("good"))
	if c := f.Next(); c.SessionID != "good" {
		t.Errorf("got %+v", c)
	}
}
