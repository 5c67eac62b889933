package resolvers

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rekey/internal/auth"
)

// Presenter turns every error of the GraphQL transport into the error that clients
// get. An *auth.Error is passed on. For any other error clients get "internal
// error", and the log gets the cause, once.
type Presenter struct {
	Log *slog.Logger
	// Count counts the code of each error that a client gets. It may be nil.
	Count func(auth.Code)
}

// errLogged is the cause of an error whose details are in the log already.
var errLogged = errors.New("logged when it happened")

// Present is a graphql.ErrorPresenterFunc.
func (p Presenter) Present(ctx context.Context, err error) *gqlerror.Error {
	known := classify(ctx, err)
	if !errors.Is(known.Err, errLogged) {
		auth.LogError(ctx, p.Log, auth.TransportGraphQL, known, slog.String("field", graphql.GetPath(ctx).String()))
	}
	if p.Count != nil && !errors.Is(ctx.Err(), context.Canceled) { // the client has not left
		p.Count(known.Code)
	}
	message := known.Message
	if known.Code == auth.CodeInternal {
		message = "internal error"
	}
	presented := &gqlerror.Error{
		Message:    message,
		Path:       graphql.GetPath(ctx),
		Extensions: extensionsOf(ctx, known),
	}
	var located *gqlerror.Error
	if errors.As(err, &located) {
		presented.Path, presented.Locations = located.Path, located.Locations
	}
	return presented
}

// Recover is a graphql.RecoverFunc: the request fails, the process lives.
func (p Presenter) Recover(ctx context.Context, panicked any) error {
	p.Log.ErrorContext(ctx, "panic in graphql",
		"request_id", auth.ClientFrom(ctx).RequestID,
		"panic", panicText(panicked),
		"stack", string(debug.Stack()))
	return fmt.Errorf("panic: %w", errLogged)
}

// panicText does not repeat a panic's value, which may hold what a client sent,
// unless the runtime made it.
func panicText(panicked any) string {
	if err, ok := panicked.(runtime.Error); ok {
		return err.Error()
	}
	return fmt.Sprintf("%T", panicked)
}

func classify(ctx context.Context, err error) *auth.Error {
	known := auth.AsError(err)
	if known.Code != auth.CodeInternal || errors.Is(err, errLogged) {
		return known
	}
	if argumentsUnread(ctx) {
		// gqlgen could not read an argument that passed validation, such as an
		// enum value in another case. Its message repeats the value.
		return invalidArgument(ctx, err)
	}
	if ctx.Err() != nil {
		// The client disconnected, or the time is up.
		return auth.Unavailable(err)
	}
	return known
}

// argumentsUnread reports whether the field failed before its resolver could
// be called: gqlgen sets the arguments of a field before it resolves it.
func argumentsUnread(ctx context.Context) bool {
	field := graphql.GetFieldContext(ctx)
	return field != nil && field.Field.Field != nil && field.Field.Definition != nil &&
		len(field.Field.Definition.Arguments) > 0 && field.Args == nil
}

// invalidArgument returns the error for an argument that gqlgen could not read.
func invalidArgument(ctx context.Context, err error) *auth.Error {
	var located *gqlerror.Error
	if errors.As(err, &located) && len(located.Path) > 0 {
		name, _ := located.Path[len(located.Path)-1].(ast.PathName)
		definition := graphql.GetFieldContext(ctx).Field.Definition
		if argument := definition.Arguments.ForName(string(name)); argument != nil {
			return auth.BadInput(argument.Name, fmt.Sprintf("argument %q of field %q has a value that is not valid", argument.Name, definition.Name))
		}
	}
	return auth.BadInput("", "an argument has a value that is not valid")
}

func extensionsOf(ctx context.Context, e *auth.Error) map[string]any {
	extensions := map[string]any{
		"code":      string(e.Code),
		"retryable": e.Retryable(),
		"requestId": auth.ClientFrom(ctx).RequestID,
	}
	if e.Reason != "" {
		extensions["reason"] = string(e.Reason)
	}
	if invalid := e.InvalidFields(); len(invalid) > 0 {
		extensions["field"], extensions["fields"] = e.Field, fieldsOf(invalid)
	}
	if e.Retryable() {
		extensions["retryAfter"] = e.RetrySeconds()
	}
	return extensions
}

// fieldsOf returns the invalid inputs in a form in which a client can mark them.
func fieldsOf(invalid []auth.InvalidField) []map[string]string {
	fields := make([]map[string]string, 0, len(invalid))
	for _, f := range invalid {
		fields = append(fields, map[string]string{"field": f.Field, "message": f.Message})
	}
	return fields
}
