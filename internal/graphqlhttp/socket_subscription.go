package graphqlhttp

import (
	"context"
	"encoding/json"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"rekey/internal/auth"
)

// subscription is one operation on a socket.
type subscription struct {
	id     string
	cancel context.CancelFunc
}

// subscribe starts a subscription. It returns false if the socket is to be
// closed.
func (s *socket) subscribe(ctx context.Context, m message) bool {
	if m.ID == "" {
		s.close(closeBad("A subscription needs an id"))
		return false
	}
	ctx, cancel := context.WithCancel(graphql.StartOperationTrace(ctx))
	sub := &subscription{id: m.ID, cancel: cancel}
	switch known, full := s.add(sub); {
	case known:
		cancel()
		s.close(closing{4409, "Subscriber already exists", nil})
		return false
	case full:
		cancel()
		return s.sendErrors(ctx, m.ID, s.dispatch(ctx, auth.BadInput("", "there are too many subscriptions on this connection")))
	}
	s.working(1)
	s.goroutines.Go(func() {
		defer s.working(-1)
		defer cancel()
		s.serve(ctx, sub, m.Payload)
	})
	return true
}

func (s *socket) add(sub *subscription) (known, full bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subscriptions[sub.id] != nil {
		return true, false
	}
	if len(s.subscriptions) >= s.streams.limits.PerSocket {
		return false, true
	}
	s.subscriptions[sub.id] = sub
	return false, false
}

// remove frees the id. It returns false if the id is free already.
func (s *socket) remove(sub *subscription) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.subscriptions[sub.id] != sub {
		return false
	}
	delete(s.subscriptions, sub.id)
	return true
}

// working counts the subscriptions that may still send.
func (s *socket) working(change int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy += change; s.busy == 0 {
		close(s.quiet)
		s.quiet = make(chan struct{})
	}
}

// serve executes a subscription to its end.
func (s *socket) serve(ctx context.Context, sub *subscription, payload json.RawMessage) {
	operation, refused := s.operation(ctx, payload)
	if refused != nil {
		s.finish(ctx, sub, refused)
		return
	}
	var last *graphql.Response
	s.pump(ctx, operation, func(response *graphql.Response) bool {
		if last = response; len(response.Errors) > 0 && !hasData(response) {
			return false
		}
		last = nil
		text, err := encodeEvent(response)
		return err == nil && s.send(ctx, message{ID: sub.id, Type: msgNext, Payload: text})
	})
	s.finish(ctx, sub, last)
}

// finish reports the end of a subscription to the client, with the errors that
// ended it, if any.
func (s *socket) finish(ctx context.Context, sub *subscription, last *graphql.Response) {
	if !s.remove(sub) || ctx.Err() != nil {
		return
	}
	if last != nil {
		s.sendErrors(ctx, sub.id, last)
		return
	}
	s.send(ctx, message{ID: sub.id, Type: msgComplete})
}

func (s *socket) sendErrors(ctx context.Context, id string, response *graphql.Response) bool {
	text, err := json.Marshal(response.Errors)
	return err == nil && s.send(ctx, message{ID: id, Type: msgError, Payload: text})
}

// operation reads and validates the document, under the same limits as any
// other. If it is not served, refused is the response.
func (s *socket) operation(ctx context.Context, payload json.RawMessage) (operation *graphql.OperationContext, refused *graphql.Response) {
	if err := s.options.Admit(s.r); err != nil {
		return nil, s.dispatch(ctx, auth.AsError(err))
	}
	var members map[string]json.RawMessage
	if json.Unmarshal(payload, &members) != nil {
		return nil, s.dispatch(ctx, auth.BadInput("", "the payload must be an object"))
	}
	params, bad := paramsOf(members)
	if bad != nil {
		return nil, s.refusal(ctx, bad)
	}
	params.Headers = s.header
	operation, response := s.createOperation(ctx, params)
	if response != nil {
		return nil, response
	}
	if operation.Operation.Operation != ast.Subscription {
		return nil, s.dispatch(ctx, auth.BadInput("", "only subscriptions are served over WebSocket; POST queries and mutations"))
	}
	if bad := checkSubscription(operation); bad != nil {
		return nil, s.refusal(ctx, bad)
	}
	return operation, nil
}
