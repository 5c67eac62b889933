package blacklist

import (
	"context"
	"time"
)

// Outcome is the result of one check: cleared, or why SQL is asked. Its text is
// the label of a metric.
type Outcome string

// The outcomes of a check.
const (
	// Cleared means that SQL is not asked.
	Cleared Outcome = "cleared"
	// AskedUntrusted means that no node, or not the one that answered, is trusted.
	AskedUntrusted Outcome = "untrusted"
	// AskedUnanswered means that the node did not answer in time, or that its
	// circuit is open.
	AskedUnanswered Outcome = "unanswered"
	// AskedOld means that the token is not later than the marker, or than the last
	// change of a dead replica that did not write to the node.
	AskedOld Outcome = "old"
	// AskedInvalidated means that there is an entry.
	AskedInvalidated Outcome = "invalidated"
)

// Counts returns how many checks had each outcome since the start, for a metric.
// It has all outcomes.
func (c *Cache) Counts() map[Outcome]uint64 {
	counts := make(map[Outcome]uint64, len(c.counts))
	for outcome, n := range c.counts {
		counts[outcome] = n.Load()
	}
	return counts
}

// Status reports whether the cache answers checks without SQL. A cache that is not
// trusted does not fail: everything works, more slowly.
type Status struct {
	Trusted bool
	Reason  string // why not; empty when trusted
}

// Status returns the result of the last round, for readiness.
func (c *Cache) Status() Status {
	last := c.agreement.status.Load()
	if last == nil {
		return Status{Reason: "the first round has not finished"}
	}
	s := *last
	if s.Trusted && !c.agreement.trustsAny(c.opts.Now()) {
		return Status{Reason: "the replica notes have not been read for too long"}
	}
	return s
}

// report stores the status. It logs when trust begins or ends, but neither a
// change of the reason alone nor trust at the start.
func (a *agreement) report(ctx context.Context, s Status) {
	before := a.status.Swap(&s)
	name, was := a.backend.name(), before == nil || before.Trusted
	switch {
	case name == "" || s.Trusted == was:
	case s.Trusted:
		a.opts.Logger.InfoContext(ctx, name+" is trusted again")
	default:
		a.opts.Logger.WarnContext(ctx, name+" is not trusted; access checks ask the database", "error", s.Reason)
	}
}

const (
	sweepEvery = time.Hour
	// keepNotes is how much longer than they matter notes are kept, for people who
	// want to know what was there yesterday.
	keepNotes = 24 * time.Hour
)

// sweep deletes the notes of former replicas every hour.
func (a *agreement) sweep(ctx context.Context, now time.Time) {
	if now.Sub(a.swept) < sweepEvery {
		return
	}
	a.swept = now
	if err := a.notes.replicas.DeleteReplicas(ctx, a.opts.memory()+keepNotes); err != nil {
		a.opts.Logger.WarnContext(ctx, "deleting old replica notes failed; will retry in an hour", "error", err)
	}
}
