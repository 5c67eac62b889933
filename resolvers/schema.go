package resolvers

import (
	"context"

	"github.com/99designs/gqlgen/graphql"

	"rekey/graph"
)

// NewSchema returns the API's schema, ready to be executed with r. The
// executor must use [Authentication] as an extension.
func NewSchema(r *Resolver) graphql.ExecutableSchema {
	return graph.NewExecutableSchema(graph.Config{
		Resolvers:  r,
		Directives: graph.DirectiveRoot{Auth: requireCaller},
	})
}

// requireCaller is the directive @auth: the field is resolved only for a
// caller with a live access token.
func requireCaller(ctx context.Context, _ any, next graphql.Resolver) (any, error) {
	if _, err := callerFrom(ctx); err != nil {
		return nil, err
	}
	return next(ctx)
}
