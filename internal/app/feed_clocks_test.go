package app

import (
	"testing"
	"time"
)

// Replicas on one Postgres without Redis, each with a clock that is right by
// CLOCK_LEEWAY: what the one ends, followers of the other are told.
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
	r.hear("")
	r.hear("")
	mine := here.signUp("ada@example.com")
	here.advance(time.Second)
	here.logout(mine.access)
	for range 6 {
		here.advance(2 * time.Second)
		r.hear("")
	}
	r.agrees(here, mine.access)
}
