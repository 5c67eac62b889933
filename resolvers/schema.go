package resolvers

import (
	"context"
	"maps"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"

	"rekey/graph"
	"rekey/internal/auth"
)

// NewSchema returns the API's schema, ready to be executed with r. The
// executor must use [Authentication] as an extension, and [WithEnd] for subscriptions.
func NewSchema(r *Resolver) graphql.ExecutableSchema {
	return graph.NewExecutableSchema(graph.Config{
		Schema:     servedSchema(),
		Resolvers:  r,
		Directives: graph.DirectiveRoot{Auth: requireCaller, Recent: requireRecent, ApiKey: requireKey},
	})
}

// servedSchema returns the schema without @defer. gqlparser defines that directive
// in every schema, and code generators would believe that it is supported.
func servedSchema() *ast.Schema {
	served := *graph.NewExecutableSchema(graph.Config{}).Schema()
	served.Directives = maps.Clone(served.Directives)
	delete(served.Directives, "defer")
	return &served
}

// requireCaller is the directive @auth: the field is resolved only for a
// caller with a live access token. If a replaced token may do, the core judges it.
func requireCaller(ctx context.Context, _ any, next graphql.Resolver, replaced bool) (any, error) {
	if replaced {
		return next(ctx)
	}
	if _, err := callerFrom(ctx); err != nil {
		return nil, err
	}
	return next(ctx)
}

// requireRecent is the directive @recent: the field is resolved only for a caller
// in whose session a credential was proved recently. @auth then needs no further
// check, because gqlgen calls the last directive of a field first.
func requireRecent(ctx context.Context, _ any, next graphql.Resolver) (any, error) {
	if _, err := recentCallerFrom(ctx); err != nil {
		return nil, err
	}
	return next(ctx)
}

// requireKey is the directive @apiKey: the field is resolved only for a caller
// whose API key has the scope.
func requireKey(ctx context.Context, _ any, next graphql.Resolver, scope string) (any, error) {
	caller, err := keyCallerFrom(ctx)
	if err != nil {
		return nil, err
	}
	if err := caller.Require(auth.Scope(scope)); err != nil {
		return nil, err
	}
	return next(ctx)
}
