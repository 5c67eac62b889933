package blacklist_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"rekey/internal/blacklist"
	"rekey/internal/blacklist/blacklisttest"
	"rekey/internal/test/throwaway"
)

func TestSentinel_Contract(t *testing.T) {
	t.Parallel()
	sentinel := throwaway.Sentinel(t)
	client := raw(t, sentinel.Master().Addr())
	blacklisttest.RunEntries(t, func(t *testing.T) blacklisttest.Entries {
		s := newEntryStage(t)
		do(t, client, "FLUSHALL")
		return blacklisttest.Entries{
			Cache: openRedis(t, s, sentinel.URL()), Now: s.clock.Now, Leeway: s.leeway,
			Pass: func(t *testing.T, d time.Duration) { s.clock.Advance(d); age(t, client, d) },
		}
	})
	blacklisttest.RunTrust(t, func(t *testing.T) blacklisttest.Trust {
		do(t, client, "FLUSHALL")
		s := newStage(t)
		return s.trust(openRedis(t, s, sentinel.URL()), func(t *testing.T) { do(t, client, "FLUSHALL") })
	})
}

// TestSentinel_Kill kills the master. Nobody knows what its replica has missed,
// so what was issued before is asked of SQL from then on.
func TestSentinel_Kill(t *testing.T) {
	t.Parallel()
	sentinel := throwaway.Sentinel(t)
	s := newStage(t)
	c := openRedis(t, s, sentinel.URL())
	s.settle(t, c)
	issued, before, old := s.clock.Now(), s.named(t), sentinel.Master()
	mustInvalidate(t, c, s.invalidation())
	wantKnownValidSibling(t, c, issued, true)
	old.Kill()
	wantKnownValidSibling(t, c, issued, false)
	sentinel.Promote(old)
	wantKnownValidSibling(t, c, issued, false)
	s.recover(t, c, before)
	wantKnownValidSibling(t, c, issued, false)
	wantKnownValid(t, c, issued, false)
}

// tooOften is more rounds than any failover takes.
const tooOften = 100_000

// recover makes rounds until a different node is named, and lets so much time pass
// that tokens issued then are known as valid.
func (s *stage) recover(t *testing.T, c *blacklist.Cache, before []string) {
	t.Helper()
	for n := 0; len(s.named(t)) != len(before) || slices.Equal(s.named(t), before); n++ {
		s.later(t, c, time.Second)
		if n > tooOften {
			t.Fatal("no other node is named")
		}
	}
	s.later(t, c, margin+time.Second)
	wantKnownValidSibling(t, c, s.clock.Now(), true)
}

// TestSentinel_Failover has master and replica swap places twice. The first one
// is then back with its run id, and with markers of its first reign: the
// changes noted on the other one are missing below them.
func TestSentinel_Failover(t *testing.T) {
	t.Parallel()
	sentinel := throwaway.Sentinel(t)
	s := newStage(t)
	c := openRedis(t, s, sentinel.URL())
	s.settle(t, c)
	first, issued := s.named(t), s.clock.Now()
	sentinel.Failover()
	wantKnownValidSibling(t, c, issued, false)
	s.recover(t, c, first)
	second := s.named(t)
	mustInvalidate(t, c, s.invalidation())
	wantKnownValid(t, c, issued, false)
	sentinel.Failover()
	s.recover(t, c, second)
	if again := s.named(t); again[0] != first[0] {
		t.Errorf("named %v, want %v again", again, first)
	}
	wantKnownValid(t, c, issued, false)
	wantKnownValidSibling(t, c, issued, false)
}

// TestReplication_OldMaster: a reader is left with an old master that is alive
// and knows nothing of what is noted on the new one, of which the promoted
// replica in turn has missed the beginning.
func TestReplication_OldMaster(t *testing.T) {
	t.Parallel()
	old := throwaway.Redis(t)
	address := throwaway.NewProxy(t, old.Addr()) // where the writer goes
	s := newStage(t)
	reader, writer := openRedis(t, s, "redis://"+old.Addr()), openRedis(t, s, "redis://"+address.Addr())
	s.settle(t, reader)
	if err := writer.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantKnownValid(t, writer, s.clock.Now(), true)
	promoted := throwaway.Redis(t)
	copyData(t, old, promoted) // and no more: from here on it lags
	issued := s.clock.Now()
	wantKnownValid(t, reader, issued, true)

	address.Point(promoted.Addr())
	mustInvalidate(t, writer, s.invalidation()) // on a node that no note names yet: it waits
	wantKnownValid(t, writer, issued, false)
	wantKnownValid(t, reader, issued, false)
	future := s.clock.Now().Add(time.Hour)
	for range 3 {
		rounds(t, reader, writer)
		wantKnownValid(t, reader, future, false)
		wantKnownValid(t, writer, future, false)
		s.clock.Advance(time.Second)
	}
	s.clock.Advance(4 * time.Second) // the reader is gone
	s.later(t, writer, margin)
	wantKnownValidSibling(t, writer, issued, false)
	wantKnownValidSibling(t, writer, s.clock.Now(), true)
}

// TestReplication_Lag: an entry that the promoted replica has not got, with the
// markers of the old master above it.
func TestReplication_Lag(t *testing.T) {
	t.Parallel()
	old, replica := throwaway.Redis(t), throwaway.Redis(t)
	address := throwaway.NewProxy(t, old.Addr())
	s := newStage(t)
	c := openRedis(t, s, "redis://"+address.Addr())
	s.settle(t, c)
	issued, before := s.clock.Now(), s.named(t)
	copyData(t, old, replica)
	mustInvalidate(t, c, s.invalidation())
	old.Kill()
	address.Point(replica.Addr())
	wantKnownValid(t, c, issued, false) // between two rounds
	s.recover(t, c, before)
	wantKnownValid(t, c, issued, false)
}

// copyData makes a replica of a master, once.
func copyData(t *testing.T, from, to *throwaway.RedisServer) {
	t.Helper()
	source, target := raw(t, from.Addr()), raw(t, to.Addr())
	keys, err := source.Keys(t.Context(), "*").Result()
	if err != nil || len(keys) == 0 {
		t.Fatalf("%d keys, %v", len(keys), err)
	}
	for _, k := range keys {
		dump, err := source.Dump(t.Context(), k).Result()
		if err != nil {
			t.Fatal(err)
		}
		ttl := max(0, source.PTTL(t.Context(), k).Val())
		if err := target.Restore(t.Context(), k, ttl, dump).Err(); err != nil {
			t.Fatal(err)
		}
	}
}

func rounds(t *testing.T, caches ...interface{ Round(context.Context) error }) {
	t.Helper()
	for _, c := range caches {
		if err := c.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}
