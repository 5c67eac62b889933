package blacklist

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"rekey/internal/auth"
)

// trust is what this replica says of the nodes it writes to, and what it has
// read of the others'. All kinds of cache share it.
type trust struct {
	opts    Options
	backend backend
	replica string
	// turn is held by whoever writes our note: a round, or a change that could
	// not put its entries. Without it a round that had just reset the markers
	// could name a node again after such a change wrote "none".
	turn  chan struct{}
	own   atomic.Pointer[ownNote]
	view  atomic.Pointer[view]
	state atomic.Pointer[Status] // nil before the first round
	swept time.Time              // guarded by turn
}

// ownNote is our note as we know it to stand. With neither nodes nor time its
// content is unknown: a write failed and may or may not have happened.
type ownNote struct {
	nodes []string
	at    time.Time // before the write began
	// Where there are no nodes: those that were named last, nil for never, and
	// from when on nobody reads that any more.
	before []string
	since  time.Time
}

func newTrust(o Options, b backend) *trust {
	return &trust{opts: o, backend: b, replica: cmp.Or(o.Replica, rand.Text()), turn: make(chan struct{}, 1), swept: o.Now()}
}

// take waits for the turn; the caller releases it.
func (t *trust) take(ctx context.Context) (release func(), err error) {
	select {
	case t.turn <- struct{}{}:
		return func() { <-t.turn }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to write the replica note: %w", ctx.Err())
	}
}

// namesNone reports whether our last note names no node, or may not.
func (t *trust) namesNone() bool {
	own := t.own.Load()
	return own == nil || len(own.nodes) == 0
}

// heeded is for how long others may still trust nodes that an earlier note of
// ours names; not above zero when nobody does.
func (t *trust) heeded() time.Duration {
	own := t.own.Load()
	if own == nil || len(own.nodes) > 0 || own.before == nil {
		return 0
	}
	return noticeFor - t.opts.Now().Sub(own.since)
}

// reaches reports whether those who still heed our earlier note find what was
// put on these nodes.
func (t *trust) reaches(nodes []string) bool {
	own := t.own.Load()
	return len(nodes) > 0 && own != nil && containsAll(own.before, nodes)
}

// covered reports whether our note, as the others see it now, is true of a
// change whose entries are on these nodes: all named, or none and "none".
func (t *trust) covered(nodes []string) bool {
	own := t.own.Load()
	return own != nil && t.opts.Now().Sub(own.at) <= freshFor && own.covers(nodes)
}

func (n *ownNote) covers(nodes []string) bool {
	if len(nodes) == 0 {
		return len(n.nodes) == 0
	}
	return containsAll(n.nodes, nodes)
}

// vouch makes sure that our note is true of a change whose entries are on
// these nodes (none: nowhere), writing it if need be.
func (t *trust) vouch(ctx context.Context, nodes []string) error {
	if t.covered(nodes) {
		return nil
	}
	release, err := t.take(ctx)
	if err != nil {
		return err
	}
	defer release()
	if t.covered(nodes) { // whoever had the turn before has seen to it
		return nil
	}
	// The request may be cancelled; whether the note was written must be known.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), t.opts.RoundTimeout)
	defer cancel()
	if own := t.own.Load(); own != nil && len(nodes) > 0 && own.covers(nodes) {
		return t.write(ctx, own.nodes) // only too old
	}
	t.view.Store(nil) // the others learn it from the note; we know already
	return t.write(ctx, nil)
}

// write writes our note. The caller has the turn.
func (t *trust) write(ctx context.Context, nodes []string) error {
	start := t.opts.Now()
	if err := t.opts.Notes.SetReplicaNodes(ctx, t.replica, nodes); err != nil {
		// If it says the same as before, it does not matter which one stands.
		if own := t.own.Load(); own == nil || !slices.Equal(own.nodes, nodes) {
			t.own.Store(&ownNote{before: append(t.named(), nodes...)})
		}
		return fmt.Errorf("write the replica note: %w", err)
	}
	t.own.Store(t.written(nodes, start))
	return nil
}

// named are the nodes that others may know from us.
func (t *trust) named() []string {
	own := t.own.Load()
	switch {
	case own == nil:
		return nil
	case len(own.nodes) > 0:
		return slices.Clone(own.nodes)
	}
	return slices.Clone(own.before)
}

// written is our note after a write that began at start.
func (t *trust) written(nodes []string, start time.Time) *ownNote {
	n := &ownNote{nodes: nodes, at: start}
	if len(nodes) > 0 {
		return n
	}
	n.before, n.since = t.named(), t.opts.Now()
	if own := t.own.Load(); own != nil && len(own.nodes) == 0 && !own.at.IsZero() {
		n.since = own.since // it said so before
	}
	return n
}

// declare writes our note: that we write to these nodes, or to none when their
// markers cannot be set; the error then says why. The caller has the turn.
func (t *trust) declare(ctx context.Context, nodes []string) (reason, err error) {
	slices.Sort(nodes)
	if reason = t.mark(ctx, nodes); reason != nil {
		nodes = nil
	}
	return reason, t.write(ctx, nodes)
}

// mark makes the markers fit to be relied on before a node is named that our
// last note does not name. Entries of the changes that we made meanwhile are
// missing there, so its markers go to now; those of the other nodes go along,
// which only costs time. A process that has noted nothing yet misses no entry:
// it only binds every bucket to its node, so that none keeps the marker of an
// earlier reign of that node, untouched while another one reigned.
func (t *trust) mark(ctx context.Context, nodes []string) error {
	own := t.own.Load()
	if len(nodes) == 0 || own != nil && containsAll(own.nodes, nodes) {
		return nil
	}
	answered, err := t.backend.mark(ctx, t.opts.Now(), own != nil)
	if err != nil {
		return fmt.Errorf("set the markers: %w", err)
	}
	if !containsAll(nodes, answered) {
		return errMoved
	}
	return nil
}

// errMoved is a failover between two commands; the next round sees it whole.
var errMoved = errors.New("another node answered than the one asked before")

// round declares and then reads what the others declare. The nodes are asked
// before the turn is taken: a change that waits for it must not wait for a node
// that hangs. A node that is gone again by then is found out by its run id.
func (t *trust) round(ctx context.Context) ([]auth.Replica, error) {
	nodes, trouble := t.backend.masters(ctx)
	release, err := t.take(ctx)
	if err != nil {
		return nil, err
	}
	defer release()
	reason, err := t.declare(ctx, nodes)
	if err != nil {
		return nil, err
	}
	reason = errors.Join(trouble, reason)
	start := t.opts.Now()
	notes, err := t.opts.Notes.Replicas(ctx, t.opts.memory())
	if err != nil {
		return nil, fmt.Errorf("read the replica notes: %w", err)
	}
	v := newView(t.own.Load().nodes, others(notes, t.replica), start, t.opts)
	t.view.Store(v)
	t.report(ctx, v.status(reason))
	t.sweep(ctx, start)
	return notes, nil
}

// holds reports whether anything is trusted at all.
func (t *trust) holds(now time.Time) bool {
	v := t.view.Load()
	return v != nil && len(v.floors) > 0 && now.Before(v.until)
}

// believe says what to make of a node that has nothing against a token.
func (t *trust) believe(node string, issuedAt, now time.Time) Outcome {
	v := t.view.Load()
	if v == nil || !now.Before(v.until) {
		return AskedUntrusted
	}
	floor, ok := v.floors[node]
	switch {
	case !ok:
		return AskedUntrusted
	case !issuedAt.After(floor.Add(t.opts.margin())):
		return AskedOld
	}
	return Cleared
}

func containsAll(set, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(set, s) })
}

// others leaves out this replica, and those that have not joined: they change no
// session yet.
func others(notes []auth.Replica, self string) []auth.Replica {
	return slices.DeleteFunc(slices.Clone(notes), func(n auth.Replica) bool { return n.ID == self || !n.Joined })
}
