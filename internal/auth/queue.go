package auth

import (
	"context"
	"errors"
	"sync"
)

// ending is that a stream ends, once, and why.
type ending struct {
	ended chan struct{}
	once  sync.Once
	err   error // set before ended is closed
}

func newEnding() *ending { return &ending{ended: make(chan struct{})} }

// end ends the stream; the first reason counts.
func (e *ending) end(err error) {
	e.once.Do(func() {
		e.err = err
		close(e.ended)
	})
}

func (e *ending) over() bool {
	select {
	case <-e.ended:
		return true
	default:
		return false
	}
}

// wait waits for the end and returns its reason; ctx's cause when that ends
// before.
func (e *ending) wait(ctx context.Context) error {
	select {
	case <-e.ended:
		return e.err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// queue is what a stream still has to tell before it ends. It is bounded: who
// does not listen for too long is dropped.
type queue[T any] struct {
	*ending
	items chan T
}

func newQueue[T any](size int) *queue[T] {
	return &queue[T]{ending: newEnding(), items: make(chan T, size)}
}

var errSlow = errors.New("the follower is too slow")

// add never waits.
func (q *queue[T]) add(item T) {
	if q.over() {
		return
	}
	select {
	case q.items <- item:
	default:
		q.end(Unavailable(errSlow))
	}
}

// next waits for the next item. Its error is why there is none any more.
func (q *queue[T]) next(ctx context.Context) (item T, err error) {
	select {
	case item = <-q.items:
		return item, nil
	default:
	}
	select {
	case item = <-q.items:
		return item, nil
	case <-ctx.Done():
		return item, context.Cause(ctx)
	case <-q.ended:
	}
	select { // what came before the end
	case item = <-q.items:
		return item, nil
	default:
		return item, q.err
	}
}
