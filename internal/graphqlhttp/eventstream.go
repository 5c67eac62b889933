package graphqlhttp

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rekey/internal/auth"
)

// streamEvents serves a subscription as server-sent events, in the distinct
// connections mode of graphql-sse: `next` for each response, then `complete`.
func (h *handler) streamEvents(w http.ResponseWriter, r *http.Request, media mediaType, operation *graphql.OperationContext) {
	release, err := h.streams.acquire(r.Context())
	if err != nil {
		h.turnAway(w, r, media, err)
		return
	}
	defer release()
	ctx, end := h.options.WithoutTimeout(r.Context())
	defer end()
	ctx, cancel := h.streams.bound(ctx)
	defer cancel()
	e := &eventWriter{w: w, control: http.NewResponseController(w), timeout: h.streams.limits.WriteTimeout}
	if err := e.begin(); err != nil {
		h.turnAway(w, r, media, err)
		return
	}
	var keepAlive sync.WaitGroup
	keepAlive.Go(func() {
		defer cancel()
		e.keepAlive(ctx, h.streams.limits.KeepAlive)
	})
	h.pump(ctx, operation, e.next)
	if errors.Is(context.Cause(ctx), errDraining) { // the client may reconnect elsewhere
		e.next(h.dispatch(ctx, auth.Unavailable(errDraining)))
	}
	e.complete()
	cancel()
	keepAlive.Wait()
}

// pump executes a subscription and passes its responses to take until there are
// no more or take returns false. gqlgen reuses a response after take returns.
// The error that ended the subscription is the last response, and so is a panic.
func (h *handler) pump(ctx context.Context, operation *graphql.OperationContext, take func(*graphql.Response) bool) {
	defer func() {
		if panicked := recover(); panicked != nil {
			take(h.dispatch(ctx, auth.AsError(h.options.Recover(ctx, panicked))))
		}
	}()
	ctx, end := h.options.WithEnd(ctx)
	responses, ctx := h.exec.DispatchOperation(ctx, operation)
	for response := responses(ctx); response != nil; response = responses(ctx) {
		if !take(response) {
			return
		}
	}
	if err := end(); err != nil && ctx.Err() == nil {
		take(&graphql.Response{Errors: gqlerror.List{h.options.Present(ctx, err)}})
	}
}

// eventWriter writes server-sent events, and flushes each.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration

	mu     sync.Mutex
	failed bool // the client has left, or does not read; nothing more is written
}

// begin removes the server's deadlines, which are for answers that end.
func (e *eventWriter) begin() error {
	if err := errors.Join(e.control.SetReadDeadline(time.Time{}), e.control.SetWriteDeadline(time.Time{})); err != nil {
		return err
	}
	header := e.w.Header()
	header.Set("Content-Type", mediaEvents.contentType())
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would wait for more
	e.comment()                           // so that the client knows that it is connected
	return nil
}

// keepAlive writes a comment every interval until ctx ends or writing fails.
func (e *eventWriter) keepAlive(ctx context.Context, interval time.Duration) {
	ticker := time.NewTicker(interval)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
			if !e.comment() {
				return
			}
		}
	}
}

func (e *eventWriter) comment() bool { return e.write([]byte(":\n\n")) }

func (e *eventWriter) next(response *graphql.Response) bool {
	encoded, err := encodeEvent(response)
	return err == nil && e.write(slices.Concat([]byte("event: next\ndata: "), encoded, []byte("\n\n")))
}

// complete has empty data because a browser's EventSource drops an event
// without data.
func (e *eventWriter) complete() bool { return e.write([]byte("event: complete\ndata: \n\n")) }

// write reports whether the client took the text in time. When the time is up,
// it sets the deadline to a moment in the past, which interrupts the write.
func (e *eventWriter) write(text []byte) bool {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.failed {
		return false
	}
	late := time.AfterFunc(e.timeout, func() { _ = e.control.SetWriteDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	_, err := e.w.Write(text)
	if err == nil {
		err = e.control.Flush()
	}
	e.failed = err != nil
	return err == nil
}
