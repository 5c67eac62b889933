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

// limits bound the cost of a request before it is validated or executed.
type limits struct {
	bodyBytes  int64 // of a POST body, or a GET's query string
	tokens     int   // of a document
	nameBytes  int   // of one name: validation compares names with all known ones
	depth      int   // of nested fields, fragments expanded
	rootFields int   // of an operation, fragments expanded
	aliases    int   // in a document
	fields     int   // in a document, as written: each pair with one name is compared
	// cost counts the fields of an operation, fragments expanded. A field in a
	// list counts ten times.
	cost int
	// values counts what an operation returns: a row of the database counts
	// rowFactor, and each of its fields one.
	values int
	// typeFields are the fields __type in a document, as written. There may be one
	// field __schema.
	typeFields int
	// introspection counts the values that all these fields return.
	introspection int
}

// defaultLimits accept GraphiQL's introspection query, and every document that
// is useful to a client of this API.
func defaultLimits() limits {
	return limits{
		bodyBytes:     64 << 10,
		tokens:        1000,
		nameBytes:     100,
		depth:         15,
		rootFields:    20,
		aliases:       30,
		fields:        300,
		cost:          75_000,
		values:        15_000,
		typeFields:    10,
		introspection: 10_000,
	}
}

// guard is gqlgen's extension that refuses a document that costs too much. It
// checks before validation, which is the most expensive part of a hostile
// document. A cached document has passed the check before.
type guard struct {
	cache      documentCache
	limits     limits
	hideSchema bool
	facts      schemaFacts
}

var _ interface {
	graphql.HandlerExtension
	graphql.OperationParameterMutator
	graphql.OperationContextMutator
} = guard{}

// ExtensionName returns the name of the extension in gqlgen's messages.
func (guard) ExtensionName() string { return "Guard" }

// Validate returns nil: the guard works with every schema.
func (guard) Validate(graphql.ExecutableSchema) error { return nil }

// MutateOperationParameters refuses a document that is over a limit. It changes
// nothing.
func (g guard) MutateOperationParameters(ctx context.Context, params *graphql.RawParams) *gqlerror.Error {
	if _, cached := g.cache.Get(ctx, params.Query); cached {
		return nil
	}
	seen := scan(params.Query, g.limits.tokens)
	if seen.count > g.limits.tokens {
		return refusal("the document has more than %d tokens", g.limits.tokens)
	}
	if seen.longestName > g.limits.nameBytes {
		return refusal("a name in the document is longer than %d bytes", g.limits.nameBytes)
	}
	document, err := parser.ParseQueryWithTokenLimit(&ast.Source{Input: params.Query}, g.limits.tokens)
	if err == nil {
		return g.check(measure(document, g.facts, g.limits.introspection))
	}
	return nil // the executor parses it too, and reports the place
}

// MutateOperationContext allows introspection, which gqlgen refuses by default.
func (g guard) MutateOperationContext(_ context.Context, operation *graphql.OperationContext) *gqlerror.Error {
	operation.DisableIntrospection = g.hideSchema
	return nil
}

func (g guard) check(s shape) *gqlerror.Error {
	switch {
	case s.depth > g.limits.depth:
		return refusal("the document is nested deeper than %d fields", g.limits.depth)
	case s.rootFields > g.limits.rootFields:
		return refusal("an operation has more than %d fields at its root", g.limits.rootFields)
	case s.aliases > g.limits.aliases:
		return refusal("the document has more than %d aliases", g.limits.aliases)
	case s.written > g.limits.fields:
		return refusal("the document has more than %d fields", g.limits.fields)
	case s.cost > g.limits.cost:
		return refusal("an operation costs more than %d", g.limits.cost)
	case s.values > g.limits.values:
		return refusal("an operation asks for more than %d values", g.limits.values)
	case s.deferred:
		return refusal("@defer is not supported")
	case g.hideSchema && s.schemaFields+s.typeFields > 0:
		return refusal("introspection is switched off")
	case s.schemaFields > 1:
		return refusal("the document has more than one field __schema")
	case s.typeFields > g.limits.typeFields:
		return refusal("the document has more than %d fields __type", g.limits.typeFields)
	case s.introspection > g.limits.introspection:
		return refusal("the introspection asks for more than %d values", g.limits.introspection)
	case s.once > 1:
		return refusal("a request may have only one field that signs in, refreshes, logs out or changes a password")
	default:
		return nil
	}
}

func refusal(format string, args ...any) *gqlerror.Error {
	message := fmt.Sprintf(format, args...)
	return &gqlerror.Error{Message: message, Err: auth.BadInput("", message)}
}
