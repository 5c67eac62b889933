package graphqlhttp

import (
	"context"
	"fmt"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/gqlerror"
	"github.com/vektah/gqlparser/v2/parser"

	"rekey/internal/auth"
)

// guard refuses a document that asks for too much. It looks at it before it is
// validated: validation is the dearest part of a hostile document. One that is
// kept has passed it before.
type guard struct {
	kept       documentCache
	limits     Limits
	hideSchema bool
	schema     schemaFacts
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
	graphql.OperationContextMutator
} = guard{}

func newGuard(kept documentCache, schema *ast.Schema, limits Limits, hideSchema bool) guard {
	return guard{kept: kept, limits: limits, hideSchema: hideSchema, schema: factsOf(schema)}
}

// ExtensionName names the extension in gqlgen's messages.
func (guard) ExtensionName() string { return "Guard" }

// Validate has nothing to refuse.
func (guard) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters changes nothing; it refuses.
func (g guard) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if _, passed := g.kept.Get(ctx, params.Query); passed {
		return nil
	}
	seen := scan(params.Query, g.limits.Tokens)
	if seen.count > g.limits.Tokens {
		return refusal("the document has more than %d tokens", g.limits.Tokens)
	}
	if seen.longestName > g.limits.NameBytes {
		return refusal("a name in the document is longer than %d bytes", g.limits.NameBytes)
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: params.Query}, g.limits.Tokens)
	if err == nil {
		return g.check(measure(document, g.schema))
	}
	return nil // the executor parses it too, and says where it is wrong
}

// MutateOperationContext lets introspection pass, which gqlgen refuses by default.
func (g guard) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	operation.DisableIntrospection = g.hideSchema
	return nil
}

func (g guard) check(s shape) *gqlerror.Error {
	switch {
	case s.depth > g.limits.Depth:
		return refusal("the document is nested deeper than %d fields", g.limits.Depth)
	case s.rootFields > g.limits.RootFields:
		return refusal("an operation has more than %d fields at its root", g.limits.RootFields)
	case s.aliases > g.limits.Aliases:
		return refusal("the document has more than %d aliases", g.limits.Aliases)
	case s.written > g.limits.Fields:
		return refusal("the document has more than %d fields", g.limits.Fields)
	case s.cost > g.limits.Cost:
		return refusal("an operation asks for more than its share (%d)", g.limits.Cost)
	case s.values > g.limits.Values:
		return refusal("an operation asks for more than %d values", g.limits.Values)
	case s.deferred:
		return refusal("@defer is not served")
	case g.hideSchema && s.introspection:
		return refusal("introspection is switched off")
	case s.once > 1:
		return refusal("a request may hold one field that signs in, refreshes, logs out or changes a password")
	default:
		return nil
	}
}

func refusal(format string, args ...any) *gqlerror.Error {
	message := fmt.Sprintf(format, args...)
	return &gqlerror.Error{Message: message, Err: auth.BadInput("", message)}
}
