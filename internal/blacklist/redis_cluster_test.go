package blacklist_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/auth"
	"rekey/internal/blacklist/blacklisttest"
	"rekey/internal/test/throwaway"
)

func TestCluster_Contract(t *testing.T) {
	t.Parallel()
	cluster := throwaway.Cluster(t, 3, false)
	var clients []*redis.Client
	for _, m := range cluster.Masters {
		clients = append(clients, raw(t, m.Addr()))
	}
	flush := func(t *testing.T) {
		for _, client := range clients {
			do(t, client, "FLUSHALL")
		}
	}
	blacklisttest.RunEntries(t, func(t *testing.T) blacklisttest.Entries {
		s := newEntryStage(t)
		flush(t)
		return blacklisttest.Entries{
			Cache: openRedis(t, s, cluster.URL()), Now: s.clock.Now, Leeway: s.leeway,
			Pass: func(t *testing.T, d time.Duration) {
				s.clock.Advance(d)
				for _, client := range clients {
					age(t, client, d)
				}
			},
		}
	})
	blacklisttest.RunTrust(t, func(t *testing.T) blacklisttest.Trust {
		flush(t)
		s := newStage(t)
		return s.trust(openRedis(t, s, cluster.URL()), flush)
	})
}

// slotOf returns the slot of the session of these tests, and its owner.
func slotOf(t *testing.T, cluster *throwaway.RedisCluster) (slot int, owner int) {
	t.Helper()
	client := raw(t, cluster.Masters[0].Addr())
	n, err := client.ClusterKeySlot(t.Context(), fmt.Sprintf("{%d}", bucket(session))).Result()
	if err != nil {
		t.Fatal(err)
	}
	return int(n), int(n) * len(cluster.Masters) / 16384
}

// TestCluster_Failover kills the master that has the session's slot.
func TestCluster_Failover(t *testing.T) {
	t.Parallel()
	cluster := throwaway.Cluster(t, 3, true)
	_, owner := slotOf(t, cluster)
	s := newStage(t)
	c := openRedis(t, s, cluster.URL())
	s.settle(t, c)
	issued, before := s.clock.Now(), s.named(t)
	if len(before) != 3 {
		t.Fatalf("our note names %v, want three nodes", before)
	}
	mustInvalidate(t, c, s.invalidation())
	wantKnownValidSibling(t, c, issued, true)
	cluster.Masters[owner].Kill()
	wantKnownValidSibling(t, c, issued, false)
	cluster.Promote(cluster.Replicas[owner])
	wantKnownValidSibling(t, c, issued, false)
	s.recover(t, c, before)
	wantKnownValid(t, c, issued, false)
	wantKnownValidSibling(t, c, issued, false)
}

// TestCluster_Move moves the session's slot to another master and back. At each step,
// SQL is asked for an invalidated session, and for older tokens.
func TestCluster_Move(t *testing.T) {
	t.Parallel()
	cluster := throwaway.Cluster(t, 3, false)
	slot, owner := slotOf(t, cluster)
	from, to := cluster.Masters[owner], cluster.Masters[(owner+1)%3]
	s := newStage(t)
	c := openRedis(t, s, cluster.URL())
	s.settle(t, c)
	issued := s.clock.Now()
	mustInvalidate(t, c, s.invalidation())
	other, secret := sibling(t), auth.HashSecret("one")
	if !c.KnownValid(t.Context(), other, secret, issued) {
		t.Error("another session of the bucket is not clear")
	}
	cluster.Move(slot, from, to, func() {
		wantKnownValid(t, c, issued, false)
		if c.KnownValid(t.Context(), other, secret, issued) {
			t.Error("cleared by half of a bucket")
		}
		mustInvalidate(t, c, auth.Invalidation{SessionID: other, Until: s.clock.Now().Add(lifetime)})
	})
	wantKnownValid(t, c, issued, false)
	s.later(t, c, margin+time.Second)
	wantKnownValid(t, c, issued, false) // the marker came along, and is bound to the other node
	for _, id := range []string{session, other} {
		if invalidated, err := c.Invalidated(t.Context(), id, secret); err != nil || !invalidated {
			t.Errorf("%s has lost its entry on the way (%v)", id, err)
		}
	}
	cluster.Move(slot, to, from, func() {})
	wantKnownValid(t, c, issued, false)
	third := sibling(t, other)
	s.later(t, c, margin+time.Second)
	if !c.KnownValid(t.Context(), third, secret, s.clock.Now()) {
		// The first look binds the marker; from then on it counts.
		s.later(t, c, margin+time.Second)
		if !c.KnownValid(t.Context(), third, secret, s.clock.Now()) {
			t.Errorf("never clear again: %+v", c.Status())
		}
	}
	wantKnownValid(t, c, s.clock.Now(), false)
}

// bucket returns the bucket of the session's keys, computed like the cache does.
func bucket(id string) int { return int(fnv32a(id) % 256) }

func fnv32a(s string) uint32 {
	h := uint32(2166136261)
	for i := range len(s) {
		h = (h ^ uint32(s[i])) * 16777619
	}
	return h
}

// sibling finds another session in the same bucket, and not among these.
func sibling(t *testing.T, not ...string) string {
	t.Helper()
	for i := range 100_000 {
		if id := fmt.Sprintf("sibling-%d", i); bucket(id) == bucket(session) && !slices.Contains(not, id) {
			return id
		}
	}
	t.Fatal("no other session falls into the bucket")
	return ""
}
