package blacklisttest

import (
	"errors"
	"slices"
	"testing"
	"time"

	"rekey/internal/auth"
)

// Trust is a cache for [RunTrust], with what surrounds it.
type Trust struct {
	Cache Cache
	Clock *Clock // the cache's and the notes'
	Notes *Notes // holding no note yet, or a note of this cache's replica alone
	// Margin is how much later than a marker a token must be issued.
	Margin time.Duration
	// AccessLifetime is the cache's.
	AccessLifetime time.Duration
	// Forget makes the cache lose its entries and markers.
	Forget func(t *testing.T)
	// Waits returns how often Join has waited for others.
	Waits func() int
}

// RunTrust checks that KnownValid is true only where it may be. open makes a cache
// on a node of its own that has just started.
func RunTrust(t *testing.T, open func(t *testing.T) Trust) {
	t.Run("not before the first round", func(t *testing.T) {
		h := open(t)
		h.Clock.Advance(time.Hour)
		h.want(t, h.Clock.Now(), false)
	})
	t.Run("tokens later than the start by the margin", func(t *testing.T) {
		h := open(t)
		start := h.joined(t)
		h.want(t, start.Add(-time.Second), false)
		h.want(t, start.Add(h.Margin), false)
		h.want(t, start.Add(h.Margin+time.Second), true)
	})
	t.Run("an invalidated token is asked, its session's others are clear", func(t *testing.T) {
		h := open(t)
		h.mature(t)
		one := secret()
		h.note(t, auth.Invalidation{SessionID: session, Secret: &one, Until: h.Clock.Now().Add(time.Minute)})
		h.want(t, h.Clock.Now(), false)
		if !h.Cache.KnownValid(t.Context(), session, sibling(), h.Clock.Now()) {
			t.Error("another secret is invalidated too")
		}
	})
	t.Run("an invalidated session is asked, others are clear", func(t *testing.T) {
		h := open(t)
		h.mature(t)
		h.note(t, auth.Invalidation{SessionID: session, Until: h.Clock.Now().Add(time.Minute)})
		h.want(t, h.Clock.Now(), false)
		if !h.Cache.KnownValid(t.Context(), another, secret(), h.Clock.Now()) {
			t.Error("another session is invalidated too")
		}
	})
	t.Run("what was forgotten is asked", func(t *testing.T) {
		h := open(t)
		h.mature(t)
		h.note(t, auth.Invalidation{SessionID: session, Until: h.Clock.Now().Add(time.Minute)})
		issued := h.Clock.Now()
		h.Forget(t)
		h.want(t, issued, false)
		h.later(t, h.Margin+2*time.Second)
		h.want(t, issued, false)
		h.want(t, h.Clock.Now(), true)
	})
	runOthers(t, open)
	runNotes(t, open)
	runJoin(t, open)
	runRaces(t, open)
}

// runOthers checks what the notes of other replicas do.
func runOthers(t *testing.T, open func(t *testing.T) Trust) {
	t.Run("another replica on the same node", func(t *testing.T) {
		h := open(t)
		h.mature(t)
		h.other(t, h.nodes(t))
		h.round(t)
		h.want(t, h.Clock.Now(), true)
	})
	for name, nodes := range map[string][]string{"another node": {"deadbeef"}, "none": nil} {
		t.Run("a living replica names "+name, func(t *testing.T) {
			h := open(t)
			h.mature(t)
			h.other(t, nodes)
			h.round(t)
			h.want(t, h.Clock.Now().Add(time.Hour), false) // however new
		})
		t.Run("a dead replica named "+name, func(t *testing.T) {
			h := open(t)
			h.mature(t)
			issued := h.Clock.Now()
			h.other(t, nodes)
			h.later(t, 4*time.Second)
			h.want(t, issued, false)
			h.want(t, h.Clock.Now(), false)
			h.later(t, h.Margin)
			h.want(t, issued, false)
			h.want(t, issued.Add(h.Margin+time.Second), false) // its last change may have come after its note
			h.want(t, h.Clock.Now(), true)
			h.later(t, h.AccessLifetime-h.Margin)
			h.want(t, issued.Add(h.Margin), false) // such a token may still live
			h.later(t, h.Margin)
			h.want(t, issued, true) // it has ended by itself: the note is of no more use
		})
	}
	t.Run("a dead replica named the same node", func(t *testing.T) {
		h := open(t)
		h.mature(t)
		issued := h.Clock.Now()
		h.other(t, h.nodes(t))
		h.later(t, 4*time.Second)
		h.want(t, issued, true)
	})
}

// runNotes tests failures of reading and writing notes.
func runNotes(t *testing.T, open func(t *testing.T) Trust) {
	t.Run("notes read two seconds ago", func(t *testing.T) {
		h := open(t)
		h.mature(t)
		h.Clock.Advance(1900 * time.Millisecond)
		h.want(t, h.Clock.Now(), true)
		h.Clock.Advance(100 * time.Millisecond)
		h.want(t, h.Clock.Now(), false)
	})
	t.Run("a failing round", func(t *testing.T) {
		h := open(t)
		h.mature(t)
		h.Notes.Fail(errors.New("no database"))
		h.Clock.Advance(2 * time.Second)
		if err := h.Cache.Round(t.Context()); err == nil {
			t.Error("Round did not fail")
		}
		h.want(t, h.Clock.Now(), false)
		h.Notes.Fail(nil)
		h.round(t)
		h.want(t, h.Clock.Now(), true)
	})
	t.Run("a change relies on no old note", func(t *testing.T) {
		h := open(t)
		h.mature(t)
		h.Clock.Advance(3 * time.Second)
		h.Notes.Fail(errors.New("no database"))
		invalidation := auth.Invalidation{SessionID: session, Until: h.Clock.Now().Add(time.Minute)}
		wantUnavailable(t, h.Cache.Invalidate(t.Context(), invalidation))
		h.Notes.Fail(nil)
		h.note(t, invalidation)
		if age := h.age(t); age != 0 {
			t.Errorf("the note is still %v old", age)
		}
	})
	t.Run("a change without invalidations needs nobody", func(t *testing.T) {
		h := open(t)
		h.mature(t)
		h.Clock.Advance(3 * time.Second)
		h.Notes.Fail(errors.New("no database"))
		h.note(t)
		h.note(t, auth.Invalidation{SessionID: session, Until: h.Clock.Now().Add(-time.Hour)})
	})
}

func runJoin(t *testing.T, open func(t *testing.T) Trust) {
	t.Run("joining alone does not wait", func(t *testing.T) {
		h := open(t)
		h.joined(t)
		if n := h.Waits(); n != 0 {
			t.Errorf("waited %d times", n)
		}
	})
	t.Run("joining others on another node waits", func(t *testing.T) {
		h := open(t)
		h.other(t, []string{"deadbeef"})
		h.joined(t)
		if n := h.Waits(); n != 1 {
			t.Errorf("waited %d times, want 1", n)
		}
	})
	t.Run("joining a replica that trusts nothing does not wait", func(t *testing.T) {
		h := open(t)
		h.other(t, nil)
		h.joined(t)
		if n := h.Waits(); n != 0 {
			t.Errorf("waited %d times", n)
		}
	})
	t.Run("joining after a replica on another node does not wait", func(t *testing.T) {
		h := open(t)
		h.other(t, []string{"deadbeef"})
		h.Clock.Advance(4 * time.Second)
		h.joined(t)
		if n := h.Waits(); n != 0 {
			t.Errorf("waited %d times", n)
		}
	})
	t.Run("joining goes on when the notes come late", func(t *testing.T) {
		h := open(t)
		h.Notes.FailOnce(2)
		start := h.joined(t)
		h.want(t, start.Add(h.Margin+time.Second), true)
	})
	t.Run("joining fails without notes", func(t *testing.T) {
		h := open(t)
		h.Notes.Fail(errors.New("no database"))
		if err := h.Cache.Join(t.Context()); err == nil {
			t.Error("Join did not fail")
		}
	})
}

// joined joins and returns the moment.
func (h Trust) joined(t *testing.T) time.Time {
	t.Helper()
	if err := h.Cache.Join(t.Context()); err != nil {
		t.Fatalf("Join: %v", err)
	}
	return h.Clock.Now()
}

// mature joins, and lets so much time pass that tokens issued now can be known as
// valid.
func (h Trust) mature(t *testing.T) {
	t.Helper()
	h.joined(t)
	h.later(t, h.Margin+time.Second)
	h.want(t, h.Clock.Now(), true)
}

// later lets time pass and makes a round after it.
func (h Trust) later(t *testing.T, d time.Duration) {
	t.Helper()
	h.Clock.Advance(d)
	h.round(t)
}

func (h Trust) round(t *testing.T) {
	t.Helper()
	if err := h.Cache.Round(t.Context()); err != nil {
		t.Fatalf("Round: %v", err)
	}
}

func (h Trust) note(t *testing.T, invalidations ...auth.Invalidation) {
	t.Helper()
	if err := h.Cache.Invalidate(t.Context(), invalidations...); err != nil {
		t.Fatalf("Invalidate: %v", err)
	}
}

func (h Trust) want(t *testing.T, issuedAt time.Time, want bool) {
	t.Helper()
	if got := h.Cache.KnownValid(t.Context(), session, secret(), issuedAt); got != want {
		t.Errorf("KnownValid(issued %v from now) = %v, want %v", issuedAt.Sub(h.Clock.Now()), got, want)
	}
}

const otherReplica = "other"

// other writes another replica's note.
func (h Trust) other(t *testing.T, nodes []string) {
	t.Helper()
	if err := h.Notes.SetReplicaNodes(t.Context(), otherReplica, nodes); err != nil {
		t.Fatal(err)
	}
}

// nodes returns what the cache's own note names.
func (h Trust) nodes(t *testing.T) []string {
	t.Helper()
	for replica, nodes := range h.Notes.All() {
		if replica != otherReplica {
			return nodes
		}
	}
	t.Fatal("the cache has written no note")
	return nil
}

// age returns that of the cache's own note.
func (h Trust) age(t *testing.T) time.Duration {
	t.Helper()
	notes, err := h.Notes.Replicas(t.Context(), time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	i := slices.IndexFunc(notes, func(n auth.Replica) bool { return n.ID != otherReplica })
	if i < 0 {
		t.Fatal("the cache has written no note")
	}
	return notes[i].Age
}

func wantUnavailable(t *testing.T, err error) {
	t.Helper()
	if err == nil || auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("error %v, want %s", err, auth.CodeUnavailable)
	}
}
