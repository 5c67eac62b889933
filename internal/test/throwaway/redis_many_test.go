package throwaway

import (
	"strings"
	"testing"
)

func TestSentinel(t *testing.T) {
	t.Parallel()
	s := Sentinel(t)
	first := s.Master()
	s.Failover()
	if s.Master() == first {
		t.Fatal("the same master after a failover")
	}
}

func TestSentinel_Kill(t *testing.T) {
	t.Parallel()
	s := Sentinel(t)
	first := s.Master()
	first.Kill()
	s.Promote(first)
	if s.Master() == first {
		t.Error("the one that is dead is the master")
	}
}

func TestCluster(t *testing.T) {
	t.Parallel()
	c := Cluster(t, 3, true)
	if n := c.count(c.nodes(), "role:master"); n != 3 {
		t.Fatalf("%d masters", n)
	}
	c.Masters[0].Kill()
	c.Promote(c.Replicas[0])
}

func TestCluster_Move(t *testing.T) {
	t.Parallel()
	c := Cluster(t, 2, false)
	slot, err := ask(c.Masters[0], "CLUSTER", "KEYSLOT", "a").Int()
	if err != nil {
		t.Fatal(err)
	}
	from, to := c.Masters[slot/(slots/2)], c.Masters[1-slot/(slots/2)]
	c.must(from, "SET", "a", "kept")
	c.Move(slot, from, to, func() {
		if err := ask(from, "GET", "a").Err(); err == nil || !strings.HasPrefix(err.Error(), "ASK") {
			t.Errorf("midway: %v, want ASK", err)
		}
	})
	if got, err := ask(to, "GET", "a").Text(); got != "kept" {
		t.Errorf("a = %q, %v", got, err)
	}
}
