package blacklist_test

import (
	"testing"
	"time"

	"github.com/alicebob/miniredis/v2"
	"github.com/redis/go-redis/v9"

	"rekey/internal/blacklist"
	"rekey/internal/blacklist/blacklisttest"
	"rekey/internal/redispool"
	"rekey/internal/test/throwaway"
)

// patient is the timeout of pools that are not tested for theirs: the machine
// may be slow.
const patient = time.Minute

func openRedis(t testing.TB, s *stage, url string) *blacklist.Cache {
	t.Helper()
	return openPool(t, s, url, redispool.Options{Timeout: patient, OpenFor: time.Millisecond})
}

func openPool(t testing.TB, s *stage, url string, pool redispool.Options) *blacklist.Cache {
	t.Helper()
	o := s.options()
	pool.URL, pool.Logger = url, o.Logger
	opened, err := redispool.Open(pool)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() { _ = opened.Close() })
	o.Redis = opened
	return blacklist.NewRedis(o)
}

// raw returns a client of our own, to do to the server what others may do.
func raw(t testing.TB, addr string) *redis.Client {
	t.Helper()
	c := redis.NewClient(&redis.Options{Addr: addr})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func do(t testing.TB, c *redis.Client, args ...any) {
	t.Helper()
	if err := c.Do(t.Context(), args...).Err(); err != nil {
		t.Fatalf("%v: %v", args, err)
	}
}

func TestRedis_EntriesOnMiniredis(t *testing.T) {
	blacklisttest.RunEntries(t, func(t *testing.T) blacklisttest.Entries {
		s := newEntryStage(t)
		server := miniredis.RunT(t)
		return blacklisttest.Entries{
			Cache: openRedis(t, s, "redis://"+server.Addr()), Now: s.clock.Now, Leeway: s.leeway,
			Pass: func(_ *testing.T, d time.Duration) {
				s.clock.Advance(d)
				server.FastForward(d)
			},
		}
	})
}

// TestRedis_WithoutRunID: a server that does not say who it is is never trusted.
func TestRedis_WithoutRunID(t *testing.T) {
	s := newStage(t)
	c := openRedis(t, s, "redis://"+miniredis.RunT(t).Addr())
	if err := c.Join(t.Context()); err != nil {
		t.Fatalf("Join: %v", err)
	}
	s.later(t, c, time.Hour)
	mustInvalidate(t, c, s.invalidation())
	wantKnownValid(t, c, s.clock.Now(), false)
	for _, nodes := range s.notes.All() {
		if len(nodes) > 0 {
			t.Errorf("our note names %q", nodes)
		}
	}
}

func TestRedis_Entries(t *testing.T) {
	server := throwaway.Redis(t)
	blacklisttest.RunEntries(t, func(t *testing.T) blacklisttest.Entries {
		s, client := newEntryStage(t), raw(t, server.Addr())
		do(t, client, "FLUSHALL")
		return blacklisttest.Entries{
			Cache: openRedis(t, s, server.URL()), Now: s.clock.Now, Leeway: s.leeway,
			Pass: func(t *testing.T, d time.Duration) {
				s.clock.Advance(d)
				age(t, client, d)
			},
		}
	})
}

// age takes d off the life of every key: the server's clock cannot be set.
func age(t *testing.T, client *redis.Client, d time.Duration) {
	t.Helper()
	keys, err := client.Keys(t.Context(), "rekey:*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, k := range keys {
		ttl, err := client.PTTL(t.Context(), k).Result()
		if err != nil {
			t.Fatal(err)
		}
		if ttl > 0 { // one without a life is a marker
			do(t, client, "PEXPIRE", k, (ttl - d).Milliseconds())
		}
	}
}

func TestRedis_Trust(t *testing.T) {
	server := throwaway.Redis(t)
	client := raw(t, server.Addr())
	blacklisttest.RunTrust(t, func(t *testing.T) blacklisttest.Trust {
		do(t, client, "FLUSHALL")
		s := newStage(t)
		return s.trust(openRedis(t, s, server.URL()), func(t *testing.T) { do(t, client, "FLUSHALL") })
	})
}

// A replica that names a node no more goes on writing to it for as long as
// another may not have read so.
func TestRedis_NoteUntilAllHaveRead(t *testing.T) {
	t.Parallel()
	server := throwaway.Redis(t)
	client := raw(t, server.Addr())
	s := newStage(t)
	reader, writer := openRedis(t, s, server.URL()), openRedis(t, s, server.URL())
	s.settle(t, reader)
	if err := writer.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	rounds(t, reader, writer)
	issued := s.clock.Now()
	wantKnownValidSibling(t, reader, issued, true)
	do(t, client, "CONFIG", "SET", "maxmemory-policy", "allkeys-random")
	rounds(t, writer)
	wantKnownValidSibling(t, reader, issued, true) // it has not looked yet
	mustInvalidate(t, writer, s.invalidation())
	wantKnownValid(t, reader, issued, false)

	s.clock.Advance(time.Minute) // all have read it, or trust nothing
	do(t, client, "FLUSHALL")
	mustInvalidate(t, writer, s.invalidation())
	if n := client.DBSize(t.Context()).Val(); n != 0 {
		t.Errorf("%d keys are written that nobody reads", n)
	}
}

// A replica that cannot write goes on once no other can trust the node: a
// logout waits for that, a rotation does not if its overlap lasts longer.
func TestRedis_NoteWaitsUntilAllHaveRead(t *testing.T) {
	t.Parallel()
	server := throwaway.Redis(t)
	way := throwaway.NewProxy(t, server.Addr())
	s := newStage(t)
	reader, writer := openRedis(t, s, server.URL()), openRedis(t, s, "redis://"+way.Addr())
	s.settle(t, reader)
	if err := writer.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	rounds(t, reader, writer)
	issued := s.clock.Now()
	wantKnownValidSibling(t, reader, issued, true)
	way.Point("127.0.0.1:1") // where nobody listens
	before := s.waited()
	rotation := s.invalidation()
	rotation.Grace = 10 * time.Second
	mustInvalidate(t, writer, rotation)
	if s.waited() != before {
		t.Error("a rotation waited though its overlap is longer")
	}
	wantKnownValidSibling(t, reader, issued, true) // it has not read that yet
	mustInvalidate(t, writer, s.invalidation())
	wantKnownValidSibling(t, reader, issued, false) // though it has not read it still
	if n := s.waited() - before; n != 1 {
		t.Errorf("waited %d times", n)
	}
	mustInvalidate(t, writer, s.invalidation())
	if n := s.waited() - before; n != 1 {
		t.Error("a later change waited, too")
	}
}
