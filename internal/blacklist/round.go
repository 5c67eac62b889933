package blacklist

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey/internal/auth"
)

// joinTries is how often Join tries the first round.
const joinTries = 5

// Round writes our note and reads those of the other replicas. Run calls it every
// second. An error means that SQL could not be written or read; soon after,
// nothing is trusted.
func (c *Cache) Round(ctx context.Context) error {
	_, err := c.round(ctx)
	return err
}

func (c *Cache) round(ctx context.Context) (others []auth.Replica, err error) {
	bounded, cancel := context.WithTimeout(ctx, c.opts.RoundTimeout)
	defer cancel()
	others, err = c.agreement.round(bounded)
	if err != nil && ctx.Err() == nil { // not at the end of Run
		c.agreement.report(ctx, Status{Reason: err.Error()})
	}
	return others, err
}

// Join makes the first round, before anything is served. If other living replicas
// write to other nodes than we do, it waits until they must have read our note:
// until then they may trust nodes that our entries do not reach. It tries again
// if the database takes longer than a round may, as when all replicas start at
// once.
func (c *Cache) Join(ctx context.Context) error {
	others, err := c.round(ctx)
	for tries := 1; err != nil && ctx.Err() == nil && tries < joinTries; tries++ {
		others, err = c.round(ctx)
	}
	own := c.agreement.own.Load()
	if err != nil || !slices.ContainsFunc(others, func(n auth.Replica) bool {
		return n.Age <= liveFor && !containsAll(own.nodes, n.Nodes)
	}) {
		return err
	}
	select {
	case <-c.opts.After(readWithin):
		return c.Round(ctx) // what was read before the wait is too old now
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Run makes a round every second until ctx ends. A failed round shows in Status
// and in the log; the next one tries again.
func (c *Cache) Run(ctx context.Context) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-c.opts.After(roundEvery):
			_ = c.Round(ctx) // it reports its error
		}
	}
}

// round publishes our note, reads those of the others and returns them. It asks
// the nodes before it takes the lock, because a change that waits for the lock
// must not wait for a node that hangs. If a node is gone again by then, its run
// id shows it.
func (a *agreement) round(ctx context.Context) (others []auth.Replica, err error) {
	nodes, problem := a.backend.masters(ctx)
	unlock, err := a.lockNote(ctx)
	if err != nil {
		return nil, err
	}
	defer unlock()
	slices.Sort(nodes)
	reason := a.mark(ctx, nodes)
	if reason != nil {
		nodes = nil // our note must not name nodes whose markers cannot be set
	}
	if err := a.writeNote(ctx, nodes); err != nil {
		return nil, err
	}
	start := a.opts.Now()
	notes, err := a.notes.read(ctx, a.opts.memory())
	if err != nil {
		return nil, fmt.Errorf("reading the replica notes: %w", err)
	}
	// Replicas that have not joined change no session yet.
	others = slices.DeleteFunc(notes, func(n auth.Replica) bool { return n.ID == a.replica || !n.Joined })
	v := newView(a.own.Load().nodes, others, start, a.opts)
	a.view.Store(v)
	a.report(ctx, v.status(errors.Join(problem, reason)))
	a.sweep(ctx, start)
	return others, nil
}

// view holds the nodes that the notes allow to trust, for a short time.
type view struct {
	// floors has the trusted nodes. A node says nothing about tokens that were
	// issued before its floor: a replica that has died since did not write to it.
	floors map[string]time.Time
	until  time.Time
	reason string // why there are none
}

// newView trusts those of our own nodes that every living replica names, too.
//
// A note that is no longer refreshed belongs to a replica that is dead, or cut
// off from SQL so that it can change nothing. Its changes without entries on a
// node that it does not name are over, but they concern the tokens of its time.
// The note therefore sets the node's floor, and does not exclude the node.
func newView(own []string, notes []auth.Replica, start time.Time, o Options) *view {
	v := &view{floors: make(map[string]time.Time, len(own)), until: start.Add(trustFor)}
	for _, node := range own {
		v.floors[node] = time.Time{}
	}
	read := o.Now() // after reading: the latest time at which a note can have been written
	for _, n := range notes {
		for node, floor := range v.floors {
			switch written := read.Add(-n.Age); {
			case slices.Contains(n.Nodes, node):
			case n.Age <= liveFor:
				delete(v.floors, node)
				v.reason = fmt.Sprintf("replica %s writes to other nodes", n.ID)
				if len(n.Nodes) == 0 {
					v.reason = fmt.Sprintf("replica %s reaches no node", n.ID)
				}
			case written.Add(freshFor).After(floor): // a change relies on a note for freshFor
				v.floors[node] = written.Add(freshFor)
			}
		}
	}
	return v
}

func (v *view) status(reason error) Status {
	if len(v.floors) > 0 {
		return Status{Trusted: true}
	}
	if reason != nil {
		return Status{Reason: reason.Error()}
	}
	return Status{Reason: cmp.Or(v.reason, "no node was found")}
}

// trustsAny reports whether any node is trusted.
func (a *agreement) trustsAny(now time.Time) bool {
	v := a.view.Load()
	return v != nil && len(v.floors) > 0 && now.Before(v.until)
}

// trust returns the outcome for a token if the node that answered has no entry.
func (a *agreement) trust(node string, issuedAt, now time.Time) Outcome {
	v := a.view.Load()
	if v == nil || !now.Before(v.until) {
		return AskedUntrusted
	}
	floor, ok := v.floors[node]
	switch {
	case !ok:
		return AskedUntrusted
	case !issuedAt.After(floor.Add(a.opts.margin())):
		return AskedOld
	}
	return Cleared
}
