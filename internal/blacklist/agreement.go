package blacklist

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"rekey/internal/auth"
)

// agreement has what this replica's note in SQL says about the nodes that it
// writes to, and what it has read in the notes of the others. All kinds of cache
// use it.
type agreement struct {
	opts    Options
	backend backend
	notes   withTTLScope
	replica string
	// lock is held while our note is written: by a round, or by a change that
	// could not write its entries. Otherwise a round that has just reset the
	// markers could name a node again after such a change wrote "none".
	lock   chan struct{}
	own    atomic.Pointer[ownNote]
	view   atomic.Pointer[view]
	status atomic.Pointer[Status] // nil before the first round
	swept  time.Time              // guarded by lock
}

// ownNote is our note as it is in SQL. With neither nodes nor time its content is
// unknown: a write failed and may or may not have happened.
type ownNote struct {
	nodes []string
	at    time.Time // before the write began
	// If there are no nodes: those that were named last, nil if none ever were,
	// and since when SQL no longer has them.
	before []string
	since  time.Time
}

func newAgreement(o Options, b backend) *agreement {
	return &agreement{
		opts: o, backend: b, notes: withTTLScope{o.Notes, "@" + o.AccessLifetime.String()},
		replica: cmp.Or(o.Replica, rand.Text()), lock: make(chan struct{}, 1), swept: o.Now(),
	}
}

// withTTLScope reads and writes notes that name each node together with the
// lifetime of access tokens. An entry lives as long as a token by its writer's
// setting. For a replica with a longer lifetime it would expire too early.
// Replicas that differ therefore name different nodes, and ask SQL.
type withTTLScope struct {
	replicas auth.Replicas
	suffix   string
}

func (s withTTLScope) write(ctx context.Context, replica string, nodes []string) error {
	scoped := make([]string, len(nodes))
	for i, node := range nodes {
		scoped[i] = node + s.suffix
	}
	return s.replicas.SetReplicaNodes(ctx, replica, scoped)
}

// read returns the notes. Nodes of another scope keep their suffix.
func (s withTTLScope) read(ctx context.Context, maxAge time.Duration) ([]auth.Replica, error) {
	notes, err := s.replicas.Replicas(ctx, maxAge)
	for _, note := range notes {
		for i, node := range note.Nodes {
			note.Nodes[i] = strings.TrimSuffix(node, s.suffix)
		}
	}
	return notes, err
}

// lockNote waits for the lock. The caller calls unlock.
func (a *agreement) lockNote(ctx context.Context) (unlock func(), err error) {
	select {
	case a.lock <- struct{}{}:
		return func() { <-a.lock }, nil
	case <-ctx.Done():
		return nil, fmt.Errorf("waiting to write the replica note: %w", ctx.Err())
	}
}

// trustedUntil returns until when other replicas may trust nodes that a previous
// note of ours named; the zero time if there is no such note.
func (a *agreement) trustedUntil() time.Time {
	own := a.own.Load()
	if own == nil || len(own.nodes) > 0 || own.before == nil {
		return time.Time{}
	}
	return own.since.Add(readWithin)
}

// reaches reports whether those who go by our previous note find the entries on
// these nodes.
func (a *agreement) reaches(nodes []string) bool {
	own := a.own.Load()
	return len(nodes) > 0 && own != nil && containsAll(own.before, nodes)
}

// covers reports whether our note, as the others see it now, is true for a change
// whose entries are on these nodes: it names them all, or none if there are none.
func (a *agreement) covers(nodes []string) bool {
	own := a.own.Load()
	return own != nil && a.opts.Now().Sub(own.at) <= freshFor && own.covers(nodes)
}

func (n *ownNote) covers(nodes []string) bool {
	if len(nodes) == 0 {
		return len(n.nodes) == 0
	}
	return containsAll(n.nodes, nodes)
}

// ensureNote makes our note true for a change whose entries are on these nodes.
// It writes the note if necessary.
func (a *agreement) ensureNote(ctx context.Context, nodes []string) error {
	if a.covers(nodes) {
		return nil
	}
	unlock, err := a.lockNote(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if a.covers(nodes) { // the previous holder of the lock wrote it
		return nil
	}
	// The request may be cancelled; whether the note was written must be known.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), a.opts.RoundTimeout)
	defer cancel()
	if own := a.own.Load(); own != nil && len(nodes) > 0 && own.covers(nodes) {
		return a.writeNote(ctx, own.nodes) // it is only too old
	}
	a.view.Store(nil) // the others learn it from the note
	return a.writeNote(ctx, nil)
}

// writeNote writes our note. The caller holds the lock.
func (a *agreement) writeNote(ctx context.Context, nodes []string) error {
	start, own := a.opts.Now(), a.own.Load()
	var before []string // the nodes that others may know from us
	if own != nil {
		before = slices.Concat(own.nodes, own.before) // one of them is empty
	}
	if err := a.notes.write(ctx, a.replica, nodes); err != nil {
		// If the content is the same as before, it does not matter which one is kept.
		if own == nil || !slices.Equal(own.nodes, nodes) {
			a.own.Store(&ownNote{before: append(before, nodes...)})
		}
		return fmt.Errorf("writing the replica note: %w", err)
	}
	written := &ownNote{nodes: nodes, at: start}
	if len(nodes) == 0 {
		written.before, written.since = before, a.opts.Now()
		if own != nil && len(own.nodes) == 0 && !own.at.IsZero() {
			written.since = own.since // the note was the same before
		}
	}
	a.own.Store(written)
	return nil
}

// mark sets the markers before our note names a node that the last one did not.
// Entries of changes that we made meanwhile are missing there, so its markers are
// set to now. Those of the other nodes are set, too, which only costs time. A
// process that has written no note misses no entry. It only binds every bucket
// to its node, so that none keeps a marker from an earlier time at which that
// node was the master, if another one was the master in between.
func (a *agreement) mark(ctx context.Context, nodes []string) error {
	own := a.own.Load()
	if len(nodes) == 0 || own != nil && containsAll(own.nodes, nodes) {
		return nil
	}
	answered, err := a.backend.mark(ctx, a.opts.Now(), own != nil)
	if err != nil {
		return fmt.Errorf("setting the markers: %w", err)
	}
	if !containsAll(nodes, answered) {
		return errMoved
	}
	return nil
}

// errMoved is a failover between two commands. The next round sees its result.
var errMoved = errors.New("another node answered than the one asked before")

func containsAll(set, some []string) bool {
	return !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(set, s) })
}
