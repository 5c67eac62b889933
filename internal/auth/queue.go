package auth

import (
	"context"
	"errors"
	"sync"
)

// queue is what a stream still has to tell, and at last why it ended. It is
// bounded: who does not listen for too long is dropped.
type queue[T any] struct {
	items chan T
	ended chan struct{}
	once  sync.Once
	err   error // set before ended is closed
}

func newQueue[T any](size int) *queue[T] {
	return &queue[T]{items: make(chan T, size), ended: make(chan struct{})}
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

// end closes the queue after what is in it; the first reason counts.
func (q *queue[T]) end(err error) {
	q.once.Do(func() {
		q.err = err
		close(q.ended)
	})
}

func (q *queue[T]) over() bool {
	select {
	case <-q.ended:
		return true
	default:
		return false
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
