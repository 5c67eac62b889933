package blacklist

import (
	"context"
	"time"
)

// Status says whether the cache spares anyone a question to SQL. A cache that
// is not trusted is no failure: everything works, only slower.
type Status struct {
	Trusted bool
	Reason  string // why not; empty when trusted
}

// Status returns what the last round came to, for readiness.
func (c *Cache) Status() Status {
	last := c.trust.state.Load()
	if last == nil {
		return Status{Reason: "no round has been made yet"}
	}
	s := *last
	if s.Trusted && !c.trust.holds(c.opts.Now()) {
		return Status{Reason: "the replica notes have not been read for too long"}
	}
	return s
}

// report keeps the status, and logs it when the trust has changed; a change of
// the reason alone is no news. That it is trusted at the start is none either.
func (t *trust) report(ctx context.Context, s Status) {
	before := t.state.Swap(&s)
	name, was := t.backend.name(), before == nil || before.Trusted
	switch {
	case name == "" || s.Trusted == was:
	case s.Trusted:
		t.opts.Logger.InfoContext(ctx, name+" is trusted again")
	default:
		t.opts.Logger.WarnContext(ctx, name+" is not trusted: "+s.Reason)
	}
}

const (
	sweepEvery = time.Hour
	// keepNotes is beyond the time for which a note matters: room for people
	// who want to see what was there yesterday.
	keepNotes = 24 * time.Hour
)

// sweep deletes the notes of replicas long gone, now and then.
func (t *trust) sweep(ctx context.Context, now time.Time) {
	if now.Sub(t.swept) < sweepEvery {
		return
	}
	t.swept = now
	if err := t.opts.Notes.DeleteReplicas(ctx, t.opts.memory()+keepNotes); err != nil {
		t.opts.Logger.WarnContext(ctx, "old replica notes stay for another while", "error", err)
	}
}
