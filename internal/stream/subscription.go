package stream

import (
	"context"
	"errors"

	"rekey/internal/auth"
)

var (
	// errSlow ends subscriptions that are too far behind.
	errSlow = errors.New("the subscriber is too slow")
	// errClockSkewed ends subscriptions that a wrong clock would mislead.
	errClockSkewed = errors.New("this replica's clock differs too much from the database's")
)

// subscription holds the events still to be sent to a subscriber, and why its stream
// ended. It is bounded: the hub disconnects slow subscribers.
type subscription struct {
	changes chan auth.Change
	ctx     context.Context // done when the subscription has ended; its cause is the reason
	// end ends the subscription. Only the first reason counts.
	end context.CancelCauseFunc
}

// newSubscription returns a subscription that also ends with ctx.
func newSubscription(ctx context.Context, buffer int) *subscription {
	s := &subscription{changes: make(chan auth.Change, buffer)}
	s.ctx, s.end = context.WithCancelCause(ctx)
	return s
}

// Close ends the stream. The hub forgets it at its next tick.
func (s *subscription) Close() { s.end(context.Canceled) }

func (s *subscription) ended() bool { return s.ctx.Err() != nil }

// send never waits.
func (s *subscription) send(c auth.Change) {
	if s.ended() {
		return
	}
	select {
	case s.changes <- c:
	default:
		s.end(auth.Unavailable(errSlow))
	}
}

// Next waits for the next change. Its error is the reason why there are no
// more.
func (s *subscription) Next() (auth.Change, error) {
	select {
	case c := <-s.changes:
		return c, nil
	case <-s.ctx.Done():
	}
	select { // what was sent before the end
	case c := <-s.changes:
		return c, nil
	default:
		return auth.Change{}, context.Cause(s.ctx)
	}
}
