package store

import (
	"context"
	"errors"
	"sync"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

const (
	// maxTogether is how many sessions one batch rotates at the most.
	maxTogether = 64
	// patience is how long a statement holds up those that come after it. One
	// that takes longer waits for a row that somebody holds, or the database is
	// slow, and then gathering more does not help.
	patience = 50 * time.Millisecond
)

// swaps lets rotations that come while others are under way share a statement
// and a commit. Each of them is judged by itself, for its own row.
//
// A rotation that finds nothing under way does not wait, and is a statement of
// its own. So is each of a batch that certainly did nothing: a row that
// somebody holds, or a fault of one, is the others' trouble for a moment only.
// An error that leaves open what happened is so for each of the batch.
type swaps struct {
	single   func(ctx context.Context, r auth.Rotation) (stateRow, error)
	together func(ctx context.Context, batch []*swap) error
	limit    int // statements under way at a time
	timeout  time.Duration
	patience time.Duration

	mu      sync.Mutex
	running int
	waiting []*swap
}

// swap is one rotation that waits.
type swap struct {
	rotation auth.Rotation
	done     chan struct{} // closed when the rest is set

	row   stateRow
	found bool
	alone bool // it is to be tried by itself
	err   error
}

// do rotates; gorm.ErrRecordNotFound when no row fulfils the conditions.
func (g *swaps) do(ctx context.Context, r auth.Rotation) (stateRow, error) {
	g.mu.Lock()
	if g.running < g.limit {
		g.running++
		g.mu.Unlock()
		defer g.holdUp()()
		return g.single(ctx, r)
	}
	c := &swap{rotation: r, done: make(chan struct{})}
	g.waiting = append(g.waiting, c)
	g.mu.Unlock()
	select {
	case <-c.done:
	case <-ctx.Done():
		if g.withdraw(c) {
			return stateRow{}, errors.Join(ctx.Err(), auth.ErrNothingDone)
		}
		return stateRow{}, ctx.Err() // it was sent, and may have happened
	}
	switch {
	case c.alone:
		return g.single(ctx, r)
	case c.err != nil:
		return stateRow{}, c.err
	case !c.found:
		return stateRow{}, gorm.ErrRecordNotFound
	}
	return c.row, nil
}

// withdraw is false when the rotation is under way.
func (g *swaps) withdraw(c *swap) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	for i, other := range g.waiting {
		if other == c {
			g.waiting = append(g.waiting[:i], g.waiting[i+1:]...)
			return true
		}
	}
	return false
}

// holdUp has others wait until what it returns is called, but not for longer
// than patience.
func (g *swaps) holdUp() (end func()) {
	var once sync.Once
	goOn := func() { once.Do(g.next) }
	timer := time.AfterFunc(g.patience, goOn)
	return func() {
		timer.Stop()
		goOn()
	}
}

// next starts those who wait, when something has ended.
func (g *swaps) next() {
	g.mu.Lock()
	batch := g.take()
	if len(batch) == 0 {
		g.running--
	}
	g.mu.Unlock()
	if len(batch) > 0 {
		go g.serve(batch)
	}
}

// take returns a batch in which no session is twice: a statement changes a row
// once. What is left keeps its order.
func (g *swaps) take() (batch []*swap) {
	sessions := make(map[string]struct{}, len(g.waiting))
	left := g.waiting[:0]
	for _, c := range g.waiting {
		_, twice := sessions[c.rotation.SessionID]
		if twice || len(batch) == maxTogether {
			left = append(left, c)
			continue
		}
		sessions[c.rotation.SessionID] = struct{}{}
		batch = append(batch, c)
	}
	clear(g.waiting[len(left):])
	g.waiting = left
	return batch
}

// serve runs a batch. Its callers' contexts do not reach it: one who leaves
// must not take the others along.
func (g *swaps) serve(batch []*swap) {
	defer g.holdUp()()
	ctx, cancel := context.WithTimeout(context.Background(), g.timeout)
	defer cancel()
	err := g.together(ctx, batch)
	for _, c := range batch {
		c.alone = err != nil && nothingDone(err)
		c.err = err
		close(c.done)
	}
}
