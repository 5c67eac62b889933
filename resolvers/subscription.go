package resolvers

import (
	"context"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"

	"rekey/internal/auth"
)

type endKey struct{}

// WithEnd returns the context to execute a subscription in, and a function that
// returns the error that ended it, once, or nil.
func WithEnd(ctx context.Context) (context.Context, func() error) {
	end := &atomic.Pointer[error]{}
	return context.WithValue(ctx, endKey{}, end), func() error {
		if err := end.Swap(nil); err != nil {
			return *err
		}
		return nil
	}
}

// endWith records the error that ends the subscription. It must be called
// before the channel of the subscription is closed.
func endWith(ctx context.Context, err error) {
	if end, ok := ctx.Value(endKey{}).(*atomic.Pointer[error]); ok {
		end.Store(&err)
	}
}

// changes is a stream that a subscription follows. It ends with the context that
// it was opened with.
type changes interface {
	Next() (auth.Change, error)
	Close()
}

// follow returns the channel that gqlgen reads the events of a stream from. It
// is closed when ctx or the stream ends. follow does not read ahead, so that the
// hub can disconnect slow clients.
func follow[M any](ctx context.Context, s changes, convert func(auth.Change) *M) <-chan *M {
	events := make(chan *M)
	go func() {
		defer close(events)
		defer s.Close()
		defer func() {
			if panicked := recover(); panicked != nil { // it would end the process
				endWith(ctx, graphql.GetOperationContext(ctx).Recover(ctx, panicked))
			}
		}()
		for {
			change, err := s.Next()
			if err != nil {
				endWith(ctx, err)
				return
			}
			select {
			case events <- convert(change):
			case <-ctx.Done():
				return
			}
		}
	}()
	return events
}
