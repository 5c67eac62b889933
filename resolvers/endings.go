package resolvers

import (
	"context"
	"sync/atomic"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
)

// Endings is the executor's extension that lets a subscription end with an
// error: as a last response, which has errors and no data.
type Endings struct {
	// Present words the error.
	Present graphql.ErrorPresenterFunc
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationInterceptor
} = Endings{}

// ExtensionName names the extension in gqlgen's messages.
func (Endings) ExtensionName() string { return "Endings" }

// Validate has nothing to refuse.
func (Endings) Validate(graphql.ExecutableSchema) error { return nil }

type endingKey struct{}

// ending is why a subscription ended; it is told once.
type ending struct{ err atomic.Pointer[error] }

// InterceptOperation adds the last response.
func (e Endings) InterceptOperation(ctx context.Context, next graphql.OperationHandler) graphql.ResponseHandler {
	if graphql.GetOperationContext(ctx).Operation.Operation != ast.Subscription {
		return next(ctx)
	}
	end := &ending{}
	ctx = context.WithValue(ctx, endingKey{}, end)
	responses := next(ctx)
	return func(ctx context.Context) *graphql.Response {
		if response := responses(ctx); response != nil {
			return response
		}
		if err := end.err.Swap(nil); err != nil && ctx.Err() == nil {
			return &graphql.Response{Errors: gqlerror.List{e.Present(ctx, *err)}}
		}
		return nil
	}
}

// endWith notes why the subscription ends. It is called before its channel is
// closed.
func endWith(ctx context.Context, err error) {
	if end, ok := ctx.Value(endingKey{}).(*ending); ok {
		end.err.Store(&err)
	}
}

// stream is what the core lets a subscription follow.
type stream[E any] interface {
	Next(ctx context.Context) (E, error)
	Close()
}

// follow turns a stream into the channel that gqlgen reads, until ctx or the
// stream ends. It does not read ahead: the core drops who is too slow.
func follow[E, M any](ctx context.Context, s stream[E], convert func(E) *M) <-chan *M {
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
			event, err := s.Next(ctx)
			if err != nil {
				endWith(ctx, err)
				return
			}
			select {
			case events <- convert(event):
			case <-ctx.Done():
				return
			}
		}
	}()
	return events
}
