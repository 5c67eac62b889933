package store

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

const (
	// maxBatch is the number of sessions that one batch rotates at most.
	maxBatch = 64
	// slotTime is how long a statement occupies its slot at most. A statement
	// that takes longer waits for a locked row, or the database is slow; larger
	// batches would not help then.
	slotTime = 50 * time.Millisecond
)

// batcher lets rotations that arrive while others are in progress share a
// statement and a commit. Each rotation is still judged by itself, by its own
// row.
//
// A rotation that finds a free slot does not wait and has a statement of its
// own. If a batch certainly did nothing, each of its rotations is tried again
// with a statement of its own: a locked row, or a fault of one rotation, delays
// the others only for a moment. If the outcome of a batch is unknown, it is
// unknown for each of its rotations.
type batcher struct {
	single   func(ctx context.Context, r *auth.Rotation) (stateRow, error)
	batch    func(ctx context.Context, batch []*pending) error
	slots    int           // statements that run at the same time
	slotTime time.Duration // see the constant
	timeout  time.Duration // of a batch

	mu    sync.Mutex
	used  int // slots
	queue []*pending
}

// pending is a rotation that waits for its batch.
type pending struct {
	rotation auth.Rotation
	done     chan struct{} // closed when the fields below are set

	row   stateRow
	found bool
	alone bool // it has to be tried with a statement of its own
	err   error
}

// rotate returns gorm.ErrRecordNotFound if no row meets the conditions.
func (b *batcher) rotate(ctx context.Context, r auth.Rotation) (stateRow, error) {
	b.mu.Lock()
	if b.used < b.slots {
		b.used++
		b.mu.Unlock()
		defer b.occupy()()
		return b.single(ctx, &r)
	}
	p := &pending{rotation: r, done: make(chan struct{})}
	b.queue = append(b.queue, p)
	b.mu.Unlock()
	select {
	case <-p.done:
	case <-ctx.Done():
		b.mu.Lock()
		defer b.mu.Unlock()
		i := slices.Index(b.queue, p)
		if i < 0 {
			return stateRow{}, ctx.Err() // it was sent, and its outcome is unknown
		}
		b.queue = slices.Delete(b.queue, i, i+1)
		return stateRow{}, errors.Join(ctx.Err(), auth.ErrNothingDone)
	}
	switch {
	case p.alone:
		return b.single(ctx, &r)
	case p.err != nil:
		return stateRow{}, p.err
	case !p.found:
		return stateRow{}, gorm.ErrRecordNotFound
	}
	return p.row, nil
}

// occupy holds a slot until release is called, but not for longer than
// slotTime. Then the slot goes to the rotations that wait.
func (b *batcher) occupy() (release func()) {
	var once sync.Once
	next := func() { once.Do(b.next) }
	timer := time.AfterFunc(b.slotTime, next)
	return func() {
		timer.Stop()
		next()
	}
}

// next gives a slot to the next batch, or frees it.
func (b *batcher) next() {
	b.mu.Lock()
	batch := b.take()
	if len(batch) == 0 {
		b.used--
	}
	b.mu.Unlock()
	if len(batch) > 0 {
		go b.run(batch)
	}
}

// take removes a batch from the queue. A statement changes a row only once, so
// no session is in a batch twice. The rest of the queue keeps its order.
func (b *batcher) take() (batch []*pending) {
	sessions := make(map[string]struct{}, len(b.queue))
	rest := b.queue[:0]
	for _, p := range b.queue {
		_, twice := sessions[p.rotation.SessionID]
		if twice || len(batch) == maxBatch {
			rest = append(rest, p)
			continue
		}
		sessions[p.rotation.SessionID] = struct{}{}
		batch = append(batch, p)
	}
	clear(b.queue[len(rest):])
	b.queue = rest
	return batch
}

// run runs a batch. The contexts of its callers do not affect it: one caller
// that gives up must not cancel the others' rotations.
func (b *batcher) run(batch []*pending) {
	defer b.occupy()()
	ctx, cancel := context.WithTimeout(context.Background(), b.timeout)
	defer cancel()
	err := b.batch(ctx, batch)
	for _, p := range batch {
		p.alone = err != nil && nothingDone(err)
		p.err = err
		close(p.done)
	}
}
