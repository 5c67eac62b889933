package blacklist_test

import (
	"fmt"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/blacklist/blacklisttest"
)

func TestMemory_Entries(t *testing.T) {
	blacklisttest.RunEntries(t, func(*testing.T) blacklisttest.Entries {
		s := newEntryStage(t)
		return blacklisttest.Entries{
			Cache: blacklist.NewMemory(s.options()), Now: s.clock.Now, Leeway: s.leeway,
			Pass: func(_ *testing.T, d time.Duration) { s.clock.Advance(d) },
		}
	})
}

func TestMemory_Trust(t *testing.T) {
	blacklisttest.RunTrust(t, func(*testing.T) blacklisttest.Trust {
		s := newStage(t)
		o := s.options()
		o.MaxEntries = 20_000 // above what the suite notes, and soon reached by overflow
		c := blacklist.NewMemory(o)
		return s.trust(c, func(t *testing.T) { overflow(t, s, c) })
	})
}

// overflow notes so many invalidations that every bucket forgets.
func overflow(t *testing.T, s *stage, c *blacklist.Cache) {
	t.Helper()
	const batch = 1000
	for at := 0; ; at += batch {
		invalidations := make([]auth.Invalidation, batch)
		for i := range invalidations {
			invalidations[i] = auth.Invalidation{SessionID: fmt.Sprintf("s%d", at+i), Until: s.clock.Now().Add(time.Second)}
		}
		if err := c.Put(t.Context(), invalidations...); err != nil {
			t.Fatal(err)
		}
		if invalidated, err := c.Invalidated(t.Context(), session, auth.HashSecret("one")); err != nil || !invalidated {
			return // the session's entry is gone, so its bucket has forgotten
		}
		if at > 2_000_000 {
			t.Fatal("nothing was forgotten")
		}
	}
}

func TestMemory_Bound(t *testing.T) {
	s := newStage(t)
	o := s.options()
	o.MaxEntries = 1 // one a bucket
	c := blacklist.NewMemory(o)
	s.settle(t, c)
	issued := s.clock.Now()
	mustInvalidate(t, c, s.invalidation())
	wantKnownValid(t, c, issued, false)
	overflow(t, s, c)
	wantKnownValid(t, c, issued, false)
	s.later(t, c, margin+time.Second)
	wantKnownValid(t, c, s.clock.Now(), true)
}

func TestMemory_TwoProcesses(t *testing.T) {
	s := newStage(t)
	server := blacklist.NewMemory(s.options())
	s.settle(t, server)
	issued := s.clock.Now()

	command := blacklist.NewNone(s.options())
	if err := command.Join(t.Context()); err != nil {
		t.Fatalf("Join: %v", err)
	}
	if s.waited() != 1 {
		t.Error("the command did not wait until the server has read its note")
	}
	mustInvalidate(t, command, s.invalidation())
	wantKnownValid(t, server, issued, false) // its notes have become too old
	s.later(t, server, 0)
	wantKnownValid(t, server, s.clock.Now(), false)

	s.later(t, server, 4*time.Second) // the command has ended
	wantKnownValid(t, server, issued, false)
	s.later(t, server, margin)
	wantKnownValid(t, server, s.clock.Now(), true)
	wantKnownValid(t, server, issued, false)
}

// Without a leeway clocks may be a second off the database's all the same.
func TestMemory_NoLeeway(t *testing.T) {
	s := newStage(t)
	s.leeway = 0
	c := blacklist.NewMemory(s.options())
	one := auth.HashSecret("one")
	if err := c.Put(t.Context(), auth.Invalidation{SessionID: session, Secret: &one, Until: s.clock.Now().Add(time.Minute)}); err != nil {
		t.Fatal(err)
	}
	wants := func(when string, want bool) {
		if invalidated, err := c.Invalidated(t.Context(), session, one); err != nil || invalidated != want {
			t.Errorf("%s: %v, %v", when, invalidated, err)
		}
	}
	s.clock.Advance(time.Minute + 2*time.Second - time.Nanosecond)
	wants("just before the latest end", true)
	s.clock.Advance(time.Nanosecond)
	wants("at the latest end", false)
}
