package graphqlhttp

import (
	"context"
	"encoding/json"
	"errors"
	"mime"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"rekey/internal/auth"
)

const mediaEvents = "text/event-stream"

// wantsEvents reports whether a client takes server-sent events.
func wantsEvents(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept"), ","), ",") {
		name, params, err := mime.ParseMediaType(part)
		if err == nil && name == mediaEvents && quality(params["q"]) > 0 {
			return true
		}
	}
	return false
}

// checkStream keeps subscriptions to streams, and streams to subscriptions.
func (h *handler) checkStream(r *http.Request, operation *graphql.OperationContext) *requestError {
	if operation.Operation.Operation == ast.Subscription {
		if !wantsEvents(r) || h.streams == nil {
			return errBadRequest("subscriptions are served over WebSocket, and to POST with Accept: " + mediaEvents)
		}
		return checkSubscription(operation)
	}
	if _, acceptable := negotiate(r.Header.Values("Accept")); !acceptable {
		return errNotAcceptable()
	}
	return nil
}

// checkSubscription: gqlgen executes one field of a subscription, and panics
// for one that is every type's.
func checkSubscription(operation *graphql.OperationContext) *requestError {
	fields := graphql.CollectFields(operation, operation.Operation.SelectionSet, []string{"Subscription"})
	if len(fields) != 1 || strings.HasPrefix(fields[0].Name, "__") {
		return errBadRequest("a subscription has one field")
	}
	return nil
}

// streamEvents serves a subscription as server-sent events, in the distinct
// connections mode of graphql-sse: `next` for each response, then `complete`.
func (h *handler) streamEvents(w http.ResponseWriter, r *http.Request, operation *graphql.OperationContext) {
	release, err := h.streams.acquire(r.Context())
	if err != nil {
		h.turnAway(w, r, auth.AsError(err))
		return
	}
	defer release()
	ctx, cancel := h.streams.bound(r.Context())
	e := &eventWriter{control: http.NewResponseController(w), w: w, timeout: h.streams.limits.WriteTimeout}
	if err := e.begin(); err != nil {
		cancel()
		h.turnAway(w, r, auth.AsError(err))
		return
	}
	responses, ended := make(chan []byte), make(chan struct{})
	go func() {
		defer close(ended)
		h.pump(ctx, operation, func(response *graphql.Response) bool {
			encoded, err := encodeStreamed(response)
			if err != nil {
				return false
			}
			select {
			case responses <- encoded:
				return true
			case <-ctx.Done():
				return false
			}
		})
	}()
	h.writeEvents(ctx, e, responses, ended)
	cancel()
	<-ended
}

// complete ends a stream; on a drain, whichever of its signs is seen first, it
// says that the client may come again.
func (h *handler) complete(ctx context.Context, e *eventWriter) {
	if errors.Is(context.Cause(ctx), errDraining) {
		if encoded, err := encodeStreamed(h.dispatch(ctx, auth.Unavailable(errDraining))); err == nil {
			_ = e.next(encoded)
		}
	}
	_ = e.complete()
}

// writeEvents writes until the subscription, the client or the process ends.
func (h *handler) writeEvents(ctx context.Context, e *eventWriter, responses <-chan []byte, ended <-chan struct{}) {
	alive := time.NewTicker(h.streams.limits.KeepAlive)
	defer alive.Stop()
	for {
		var err error
		select {
		case response := <-responses:
			err = e.next(response)
		case <-alive.C:
			err = e.comment()
		case <-ended:
			h.complete(ctx, e)
			return
		case <-ctx.Done():
			if errors.Is(context.Cause(ctx), errDraining) {
				h.complete(ctx, e)
			}
			return
		}
		if err != nil {
			return // the client is gone, or does not read
		}
	}
}

// pump executes a subscription and hands its responses on until it has no more
// or nobody takes them. A response is gqlgen's again when take returns. A panic
// becomes the last response.
func (h *handler) pump(ctx context.Context, operation *graphql.OperationContext, take func(*graphql.Response) bool) {
	defer func() {
		if panicked := recover(); panicked != nil {
			take(h.dispatch(ctx, auth.AsError(h.recover(ctx, panicked))))
		}
	}()
	responses, ctx := h.exec.DispatchOperation(ctx, operation)
	for response := responses(ctx); response != nil; response = responses(ctx) {
		if !take(response) {
			return
		}
	}
}

// eventWriter writes server-sent events, each at once.
type eventWriter struct {
	w       http.ResponseWriter
	control *http.ResponseController
	timeout time.Duration
}

// begin lifts the server's deadlines, which are for answers that end.
func (e *eventWriter) begin() error {
	if err := errors.Join(e.control.SetReadDeadline(time.Time{}), e.control.SetWriteDeadline(time.Time{})); err != nil {
		return err
	}
	header := e.w.Header()
	header.Set("Content-Type", mediaEvents+"; charset=utf-8")
	header.Set("Cache-Control", "no-store")
	header.Set("X-Accel-Buffering", "no") // nginx would wait for more
	return e.comment()                    // so that the client knows that it is connected
}

func (e *eventWriter) comment() error { return e.write([]byte(":\n\n")) }

func (e *eventWriter) next(encoded []byte) error {
	return e.write(slices.Concat([]byte("event: next\ndata: "), encoded, []byte("\n\n")))
}

// complete has empty data: a browser's EventSource drops an event without.
func (e *eventWriter) complete() error { return e.write([]byte("event: complete\ndata: \n\n")) }

// write gives the client the time that it may take. The deadline is set when
// that has passed, to a time long ago: none is left then.
func (e *eventWriter) write(text []byte) error {
	late := time.AfterFunc(e.timeout, func() { _ = e.control.SetWriteDeadline(time.Unix(1, 0)) })
	defer late.Stop()
	if _, err := e.w.Write(text); err != nil {
		return err
	}
	return e.control.Flush()
}

// encodeStreamed encodes a response as one of a stream: without the null that
// stands for no data.
func encodeStreamed(response *graphql.Response) ([]byte, error) {
	answer := body{Errors: response.Errors, Data: response.Data, Extensions: response.Extensions}
	if !hasData(response) && len(response.Errors) > 0 {
		answer.Data = nil
	}
	return json.Marshal(answer)
}
