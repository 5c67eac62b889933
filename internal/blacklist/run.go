package blacklist

import (
	"context"
	"slices"

	"rekey/internal/auth"
)

// joinTries is how often the first round is tried.
const joinTries = 5

// Round writes our note and reads the others': what Run does every second.
// Its error means that SQL could not be written or read; nothing is trusted
// any more soon after.
func (c *Cache) Round(ctx context.Context) error {
	_, err := c.round(ctx)
	return err
}

func (c *Cache) round(ctx context.Context) ([]auth.Replica, error) {
	bounded, cancel := context.WithTimeout(ctx, c.opts.RoundTimeout)
	defer cancel()
	notes, err := c.trust.round(bounded)
	if err != nil && ctx.Err() == nil { // the end of Run is no trouble
		c.trust.report(ctx, Status{Reason: err.Error()})
	}
	return notes, err
}

// Join makes the first round, before anything is served. When other living
// replicas write to other nodes than we do it waits until they must have read
// our note: until then they may trust nodes that our entries do not reach. A
// database that takes longer than a round may, as when all start at once, is
// asked again.
func (c *Cache) Join(ctx context.Context) error {
	notes, err := c.round(ctx)
	for again := 1; err != nil && ctx.Err() == nil && again < joinTries; again++ {
		notes, err = c.round(ctx)
	}
	if err != nil || !c.trust.disputed(notes) {
		return err
	}
	select {
	case <-c.opts.After(noticeFor):
		// What was read before the wait is too old to be trusted after it.
		return c.Round(ctx)
	case <-ctx.Done():
		return ctx.Err()
	}
}

// disputed reports whether a living replica writes to other nodes than we do.
func (t *trust) disputed(notes []auth.Replica) bool {
	own := t.own.Load().nodes
	return slices.ContainsFunc(others(notes, t.replica), func(n auth.Replica) bool {
		return n.Age <= liveFor && !containsAll(own, n.Nodes)
	})
}

// Run makes a round every second until ctx ends. A round that fails shows in
// Status and in the log; the next one tries again.
func (c *Cache) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.opts.After(roundEvery):
			_ = c.Round(ctx) // reported
		}
	}
}
