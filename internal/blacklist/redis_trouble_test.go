package blacklist_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/test/throwaway"
)

// named returns what the only note names.
func (s *stage) named(t *testing.T) []string {
	t.Helper()
	all := s.notes.All()
	if len(all) != 1 {
		t.Fatalf("notes %v, want one", all)
	}
	for _, nodes := range all {
		return nodes
	}
	return nil
}

func TestRedis_Restart(t *testing.T) {
	server := throwaway.Redis(t)
	s := newStage(t)
	c := openRedis(t, s, server.URL())
	s.settle(t, c)
	issued, before := s.clock.Now(), s.named(t)
	mustInvalidate(t, c, s.invalidation())

	server.Restart()
	wantKnownValid(t, c, issued, false)
	wantKnownValid(t, c, s.clock.Now().Add(time.Hour), false) // not in any note yet
	s.later(t, c, time.Second)
	if after := s.named(t); len(after) != 1 || after[0] == before[0] {
		t.Errorf("our note names %v after a restart, %v before", after, before)
	}
	wantKnownValid(t, c, issued, false)
	s.later(t, c, margin+time.Second)
	wantKnownValid(t, c, issued, false)
	wantKnownValid(t, c, s.clock.Now(), true)
}

func TestRedis_Policy(t *testing.T) {
	server := throwaway.Redis(t, "--maxmemory-policy", "allkeys-lru")
	s, client := newStage(t), raw(t, server.Addr())
	c := openRedis(t, s, server.URL())
	if err := c.Join(t.Context()); err != nil {
		t.Fatalf("Join: %v", err)
	}
	s.later(t, c, time.Hour)
	wantKnownValid(t, c, s.clock.Now(), false)
	if nodes := s.named(t); len(nodes) > 0 {
		t.Errorf("our note names %v", nodes)
	}
	if reason := c.Status().Reason; !strings.Contains(reason, "allkeys-lru") {
		t.Errorf("reason %q does not name the policy", reason)
	}
	issued := s.clock.Now()
	do(t, client, "CONFIG", "SET", "maxmemory-policy", "noeviction")
	s.later(t, c, time.Second)
	wantKnownValid(t, c, issued, false)
	s.later(t, c, margin+time.Second)
	wantKnownValid(t, c, s.clock.Now(), true)
	do(t, client, "CONFIG", "SET", "maxmemory-policy", "volatile-ttl")
	s.later(t, c, time.Second)
	wantKnownValid(t, c, s.clock.Now(), false)
}

func TestRedis_Down(t *testing.T) {
	server := throwaway.Redis(t)
	s := newStage(t)
	c := openRedis(t, s, server.URL())
	s.settle(t, c)
	server.Kill()
	wantKnownValid(t, c, s.clock.Now(), false)
	mustInvalidate(t, c, s.invalidation()) // goes on: the note says it
	if nodes := s.named(t); len(nodes) > 0 {
		t.Errorf("our note still names %v", nodes)
	}

	s.clock.Advance(3 * time.Second)
	s.notes.Fail(errors.New("no database"))
	wantUnavailable(t, c.Invalidate(t.Context(), s.invalidation()))
	s.notes.Fail(nil)

	s.later(t, c, time.Second)
	s.later(t, c, time.Second)
	server.Restart()
	s.later(t, c, time.Second)
	s.later(t, c, margin+time.Second)
	wantKnownValid(t, c, s.clock.Now(), true)
	log := s.log.String()
	if strings.Count(log, "not trusted") != 1 || strings.Count(log, "trusted again") != 1 {
		t.Errorf("want one line when trust goes and one when it is back:\n%s", log)
	}
}

// TestRedis_Refusing has a server that stays up, with its run id and markers,
// but takes no entries for a while: the markers must move before it is named.
func TestRedis_Refusing(t *testing.T) {
	server := throwaway.Redis(t)
	s, client := newStage(t), raw(t, server.Addr())
	c := openRedis(t, s, server.URL())
	s.settle(t, c)
	issued, node := s.clock.Now(), s.named(t)

	do(t, client, "CONFIG", "SET", "maxmemory", 1)
	mustInvalidate(t, c, s.invalidation())
	if nodes := s.named(t); len(nodes) > 0 {
		t.Errorf("our note still names %v", nodes)
	}
	wantKnownValid(t, c, issued, false)
	s.later(t, c, time.Second)
	if nodes := s.named(t); len(nodes) > 0 {
		t.Errorf("a node whose markers cannot be set is named: %v", nodes)
	}
	do(t, client, "CONFIG", "SET", "maxmemory", 0)
	s.clock.Advance(time.Second)
	reset := s.clock.Now()
	s.notes.OnWrite(func(nodes []string) {
		if got := oldestMarker(t, client); len(nodes) > 0 && got.Before(reset) {
			t.Errorf("named with a marker of %v, want %v", got, reset)
		}
	})
	s.later(t, c, 0)
	if nodes := s.named(t); len(nodes) != 1 || nodes[0] != node[0] {
		t.Errorf("our note names %v, want %v again", nodes, node)
	}
	s.later(t, c, margin+time.Second)
	wantKnownValid(t, c, issued, false)
	wantKnownValid(t, c, s.clock.Now(), true)
}

func oldestMarker(t *testing.T, client *redis.Client) time.Time {
	t.Helper()
	keys, err := client.Keys(t.Context(), "rekey:*:m").Result()
	if err != nil || len(keys) != 256 {
		t.Fatalf("%d markers, %v", len(keys), err)
	}
	values, err := client.MGet(t.Context(), keys...).Result()
	if err != nil {
		t.Fatal(err)
	}
	oldest := time.Unix(1<<40, 0)
	for _, v := range values {
		_, at, _ := strings.Cut(v.(string), " ")
		ms, err := time.ParseDuration(at + "ms")
		if err != nil {
			t.Fatal(err)
		}
		if m := time.Unix(0, 0).Add(ms); m.Before(oldest) {
			oldest = m
		}
	}
	return oldest
}

// TestRedis_NotesFailing: whether "none" was written when writing it failed is
// not known. The node takes entries again at once, but the others may have read
// "none" or not, so it is not relied on before a round has reset the markers.
func TestRedis_NotesFailing(t *testing.T) {
	server := throwaway.Redis(t)
	s, client := newStage(t), raw(t, server.Addr())
	c := openRedis(t, s, server.URL())
	s.settle(t, c)
	issued := s.clock.Now()
	do(t, client, "CONFIG", "SET", "maxmemory", 1)
	s.notes.Fail(errors.New("no database"))
	wantUnavailable(t, c.Invalidate(t.Context(), s.invalidation()))
	do(t, client, "CONFIG", "SET", "maxmemory", 0)
	s.notes.Fail(nil)
	mustInvalidate(t, c, s.invalidation())
	if nodes := s.named(t); len(nodes) > 0 {
		t.Errorf("our note names %v", nodes)
	}
	s.later(t, c, margin+time.Second)
	wantKnownValid(t, c, issued, false)
}

// TestRedis_ForeignMarkers: what came along with the data of another node, as
// on a promoted replica, says nothing about this one.
func TestRedis_ForeignMarkers(t *testing.T) {
	server := throwaway.Redis(t)
	s, client := newStage(t), raw(t, server.Addr())
	c := openRedis(t, s, server.URL())
	s.settle(t, c)
	issued := s.clock.Now()
	for bucket := range 256 {
		do(t, client, "SET", fmt.Sprintf("rekey:{%d}:m", bucket), "deadbeef 1000")
	}
	wantKnownValid(t, c, issued, false)
	s.later(t, c, margin+time.Second)
	wantKnownValid(t, c, issued, false)
	wantKnownValid(t, c, s.clock.Now(), true)
}

// TestRedis_CallerGone: a client that hangs up takes nobody's trust away.
func TestRedis_CallerGone(t *testing.T) {
	server := throwaway.Redis(t)
	s := newStage(t)
	c := openRedis(t, s, server.URL())
	s.settle(t, c)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for range 20 { // waiting for the turn would refuse by chance
		wantUnavailable(t, c.Invalidate(gone, s.invalidation()))
		if nodes := s.named(t); len(nodes) != 1 {
			t.Fatalf("our note names %v", nodes)
		}
	}
	wantKnownValid(t, c, s.clock.Now(), true)
}

// TestRedis_TwoReplicas: what one notes the other sees, and a replica that is
// cut off takes the trust of both away.
func TestRedis_TwoReplicas(t *testing.T) {
	shared, elsewhere := throwaway.Redis(t), throwaway.Redis(t)
	s := newStage(t)
	one, two := openRedis(t, s, shared.URL()), openRedis(t, s, shared.URL())
	s.settle(t, one)
	if err := two.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.waited() != 0 {
		t.Error("waited for a replica on the same node")
	}
	wantKnownValid(t, two, s.clock.Now(), true) // the first one's markers are good for both
	mustInvalidate(t, two, s.invalidation())
	wantKnownValid(t, one, s.clock.Now(), false)

	three := openRedis(t, s, elsewhere.URL())
	if err := three.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s.waited() != 1 {
		t.Error("did not wait for replicas on another node")
	}
	future := s.clock.Now().Add(time.Hour)
	for _, c := range []interface{ Round(context.Context) error }{one, two, three} {
		if err := c.Round(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	wantKnownValid(t, one, future, false)
	wantKnownValid(t, three, future, false)
}
