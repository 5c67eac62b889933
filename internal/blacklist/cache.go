// Package blacklist is the invalidation cache in front of the store, for access
// checks only: in memory, on Redis, or none. It implements [auth.Blacklist].
//
// It never knows that a token is invalid. It knows when a token is certainly
// valid; otherwise the store must be asked. Three conditions must hold:
//
//   - There is no entry. A change to a session first writes an entry on a node.
//   - The token is later than the marker of its bucket. Entries of older tokens
//     may be missing, because the node was emptied or not in use.
//   - The notes agree. All replicas write in SQL on which nodes they put entries,
//     and a node is trusted only while all name it.
//
// The package knows nothing of SQL but [auth.Replicas], and does not know what a
// session or a token is. docs/explanation/invalidation-cache.md has the
// reasoning.
package blacklist

import (
	"context"
	"fmt"
	"sync/atomic"
	"time"

	"rekey/internal/auth"
)

var _ auth.Blacklist = (*Cache)(nil)

// Cache is an invalidation cache. [NewMemory], [NewRedis] and [NewNone] return
// one. The process calls Join before it serves anything, and then Run. A Cache is
// safe for concurrent use.
type Cache struct {
	opts      Options
	backend   backend
	agreement *agreement
	counts    map[Outcome]*atomic.Uint64
}

func newCache(o Options, b backend) *Cache {
	c := &Cache{opts: o, backend: b, agreement: newAgreement(o, b), counts: map[Outcome]*atomic.Uint64{}}
	for _, outcome := range []Outcome{Cleared, AskedUntrusted, AskedUnanswered, AskedOld, AskedInvalidated} {
		c.counts[outcome] = new(atomic.Uint64)
	}
	return c
}

// briefly is how long a change may wait for a node that no note names.
const briefly = 50 * time.Millisecond

// Invalidate writes the invalidations where every replica that trusts a node
// finds them. If that fails, it writes a note in SQL, so that the other replicas
// stop trusting, and waits until they must have read it: at most 2.5 s, and only
// changes of that time wait. The change may then be made nevertheless. Only if
// that fails too, or ctx ends, Invalidate returns an error, of
// auth.CodeUnavailable, and the change must not be made.
func (c *Cache) Invalidate(ctx context.Context, invalidations ...auth.Invalidation) error {
	entries := entriesOf(invalidations, c.opts.Now(), c.opts.ClockLeeway)
	if len(entries) == 0 {
		return nil
	}
	var nodes, named []string // none on an error; the next round reports its reason
	own := c.agreement.own.Load()
	switch {
	case own != nil && len(own.nodes) > 0: // our last note certainly names a node
		nodes, _ = c.backend.put(ctx, entries)
		named = nodes
	case c.opts.Now().Before(c.agreement.trustedUntil()):
		// Our note says that we reach no node, so these entries do not matter to
		// those who have read it: the markers are reset before a node is named
		// again. They matter to the others, who go by our previous note.
		brief, cancel := context.WithTimeout(ctx, briefly)
		nodes, _ = c.backend.put(brief, entries)
		cancel()
	}
	if err := ctx.Err(); err != nil { // a cancelled request says nothing about the node
		return auth.Unavailable(fmt.Errorf("writing an invalidation: %w", err))
	}
	if err := c.agreement.ensureNote(ctx, named); err != nil {
		return auth.Unavailable(fmt.Errorf("writing the note that no cache node is reached: %w", err))
	}
	if c.agreement.reaches(nodes) {
		return nil
	}
	grace := invalidations[0].Grace // until the first of them matters
	for _, i := range invalidations {
		grace = min(grace, i.Grace)
	}
	return c.wait(ctx, c.agreement.trustedUntil().Add(-grace).Sub(c.opts.Now()))
}

// wait waits until no replica trusts a node without the entries any more.
func (c *Cache) wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return nil
	}
	select {
	case <-c.opts.After(d):
		return nil
	case <-ctx.Done():
		return auth.Unavailable(fmt.Errorf("waiting until all replicas ask SQL: %w", ctx.Err()))
	}
}

// KnownValid reports whether an access token is certainly valid. It returns false
// on any problem, and waits for Redis no longer than the pool's Timeout.
func (c *Cache) KnownValid(ctx context.Context, sessionID string, secret auth.SecretHash, issuedAt time.Time) bool {
	outcome := c.lookup(ctx, sessionID, secret, issuedAt)
	c.counts[outcome].Add(1)
	return outcome == Cleared
}

func (c *Cache) lookup(ctx context.Context, sessionID string, secret auth.SecretHash, issuedAt time.Time) Outcome {
	now := c.opts.Now()
	if !c.agreement.trustsAny(now) {
		return AskedUntrusted
	}
	found, err := c.backend.lookup(ctx, sessionID, secret, now)
	switch {
	case err != nil:
		return AskedUnanswered
	case found.invalidated:
		return AskedInvalidated
	case !issuedAt.After(found.marker.Add(c.opts.margin())):
		return AskedOld
	}
	return c.agreement.trust(found.node, issuedAt, c.opts.Now())
}

// Put writes entries, whether or not a node is trusted; for tools and tests.
// Unlike Invalidate, it does not inform the other replicas if that fails.
func (c *Cache) Put(ctx context.Context, invalidations ...auth.Invalidation) error {
	_, err := c.backend.put(ctx, entriesOf(invalidations, c.opts.Now(), c.opts.ClockLeeway))
	return err
}

// Invalidated reports whether there is an entry for the session or for this
// secret of it, whether or not a node is trusted; for tools and tests.
func (c *Cache) Invalidated(ctx context.Context, sessionID string, secret auth.SecretHash) (bool, error) {
	return c.backend.has(ctx, sessionID, secret)
}
