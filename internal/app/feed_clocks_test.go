package app

import (
	"testing"
	"time"
)

// TestBlacklistEvents_clocksApart: two replicas on one Postgres without Redis, with
// clocks that differ within CLOCK_LEEWAY. Followers of one receive the revocations
// of the other.
func TestBlacklistEvents_clocksApart(t *testing.T) {
	here := newStack(t, engines()[1], nil)
	here.advanceReplica(-29 * time.Second)
	there := here.sibling(func(p *program) { p.now = func() time.Time { return here.clock().Add(58 * time.Second) } })
	for _, s := range []*stack{here, there} {
		if err := s.app.core.CheckClock(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	there.keepPosted(fast)
	r := there.resourceServer(here.apiKey("orders"), "")
	r.receive("")
	r.receive("")
	mine := here.signUp("ada@example.com")
	here.advance(time.Second)
	here.logout(mine.access)
	for range 6 {
		here.advance(2 * time.Second)
		r.receive("")
	}
	r.agrees(here, mine.access)
}
