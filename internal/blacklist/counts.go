package blacklist

import "sync/atomic"

// Outcome is what one look came to: cleared, or why SQL was asked. Its text is
// a metric's label.
type Outcome string

// The outcomes of a look.
const (
	// Cleared: SQL was not asked.
	Cleared Outcome = "cleared"
	// AskedUntrusted: no node, or not the one that answered, is trusted.
	AskedUntrusted Outcome = "untrusted"
	// AskedUnanswered: the node did not answer in time, or is given a rest.
	AskedUnanswered Outcome = "unanswered"
	// AskedOld: the token is not later than the marker, or than the death of a
	// replica that did not write to the node.
	AskedOld Outcome = "old"
	// AskedDoubted: there is an entry.
	AskedDoubted Outcome = "doubted"
)

// outcomes counts looks.
type outcomes struct {
	cleared, untrusted, unanswered, old, doubted atomic.Uint64
}

func (c *outcomes) of(o Outcome) *atomic.Uint64 {
	switch o {
	case Cleared:
		return &c.cleared
	case AskedUnanswered:
		return &c.unanswered
	case AskedOld:
		return &c.old
	case AskedDoubted:
		return &c.doubted
	}
	return &c.untrusted
}

func (c *outcomes) add(o Outcome) { c.of(o).Add(1) }

// Counts returns how many looks have come to each outcome since the start, for
// a metric. All outcomes are in it.
func (c *Cache) Counts() map[Outcome]uint64 {
	counts := make(map[Outcome]uint64, 5)
	for _, o := range []Outcome{Cleared, AskedUntrusted, AskedUnanswered, AskedOld, AskedDoubted} {
		counts[o] = c.counts.of(o).Load()
	}
	return counts
}
