package blacklist

import (
	"context"
	"fmt"
	"time"

	"rekey/internal/auth"
)

var _ auth.Blacklist = (*Cache)(nil)

// Cache is a cache of doubt. It is made by [NewMemory], [NewRedis] or
// [NewNone], joined by Join before anything is served, and kept by Run. Safe
// for concurrent use.
type Cache struct {
	opts    Options
	backend backend
	trust   *trust
	counts  outcomes
}

func newCache(o Options, b backend) *Cache {
	b = scoped{backend: b, life: o.AccessLifetime.String()}
	return &Cache{opts: o, backend: b, trust: newTrust(o, b)}
}

// Invalidate puts the doubts where every replica that trusts anything will find
// them. When that fails it says so in SQL, so that the others stop trusting,
// waits until they must have read it (at most 2.5 s, and only changes of that
// time wait), and the change may go on all the same. Only when that fails too,
// or ctx ends, is there an error, under auth.CodeUnavailable, and the change
// must not be made.
func (c *Cache) Invalidate(ctx context.Context, doubts ...auth.Invalidation) error {
	entries := entriesOf(doubts, c.opts.Now(), c.opts.ClockLeeway)
	if len(entries) == 0 {
		return nil
	}
	var nodes, vouched []string
	switch {
	case !c.trust.namesNone():
		nodes = c.put(ctx, entries)
		vouched = nodes
	case c.trust.heeded() > 0:
		nodes = c.putBriefly(ctx, entries)
	}
	// A caller that went away is no sign that the node did.
	if err := ctx.Err(); err != nil {
		return auth.Unavailable(fmt.Errorf("noting a doubt: %w", err))
	}
	if err := c.trust.vouch(ctx, vouched); err != nil {
		return auth.Unavailable(fmt.Errorf("noting that no cache node is written to: %w", err))
	}
	if c.trust.reaches(nodes) {
		return nil
	}
	return c.await(ctx, c.trust.heeded()-grace(doubts))
}

// await waits until nobody can trust a node any more that lacks what was noted.
func (c *Cache) await(ctx context.Context, d time.Duration) error {
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

// grace is how long after the change the first of its doubts matters.
func grace(doubts []auth.Invalidation) time.Duration {
	least := doubts[0].Grace
	for _, d := range doubts {
		least = min(least, d.Grace)
	}
	return least
}

// put returns the nodes that took the entries, none when any was not taken.
func (c *Cache) put(ctx context.Context, entries []entry) []string {
	nodes, err := c.backend.put(ctx, entries)
	if err != nil {
		return nil // the next round tells the reason
	}
	return nodes
}

// briefly is how long a change may be held up by a node that is not named.
const briefly = 50 * time.Millisecond

// putBriefly puts what nobody vouches for: while our note says that we reach no
// node, entries count for nothing, as the markers are reset before one is named
// again. But the others go by the note before until they have read this one.
func (c *Cache) putBriefly(ctx context.Context, entries []entry) []string {
	ctx, cancel := context.WithTimeout(ctx, briefly)
	defer cancel()
	return c.put(ctx, entries)
}

// KnownValid reports whether an access token is certainly not blacklisted. It is
// false at any trouble, and it does not wait for Redis longer than the pool's
// Timeout.
func (c *Cache) KnownValid(ctx context.Context, sessionID string, secret auth.SecretHash, issuedAt time.Time) bool {
	o := c.look(ctx, sessionID, secret, issuedAt)
	c.counts.add(o)
	return o == Cleared
}

func (c *Cache) look(ctx context.Context, sessionID string, secret auth.SecretHash, issuedAt time.Time) Outcome {
	now := c.opts.Now()
	if !c.trust.holds(now) {
		return AskedUntrusted
	}
	s, err := c.backend.look(ctx, sessionID, secret, now)
	switch {
	case err != nil:
		return AskedUnanswered
	case s.doubted:
		return AskedDoubted
	case !issuedAt.After(s.marker.Add(c.opts.margin())):
		return AskedOld
	}
	return c.trust.believe(s.node, issuedAt, c.opts.Now())
}

// Put writes entries whatever the trust; for tools and tests. What it does not
// do, Invalidate does: tell the others when it fails.
func (c *Cache) Put(ctx context.Context, doubts ...auth.Invalidation) error {
	_, err := c.backend.put(ctx, entriesOf(doubts, c.opts.Now(), c.opts.ClockLeeway))
	return err
}

// Doubted reports whether there is an entry for the session or for this secret
// of it, whatever the trust; for tools and tests.
func (c *Cache) Doubted(ctx context.Context, sessionID string, secret auth.SecretHash) (bool, error) {
	return c.backend.has(ctx, sessionID, secret)
}
