package graphqlhttp

import (
	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

// names are those that a request has itself. Where the schema is hidden, errors
// tell no others: they would spell it out, one mistake at a time. Nil hides
// nothing.
type names map[string]bool

// namesOf collects the names of a document and of the members in variables.
func namesOf(params *graphql.RawParams, limit int) names {
	known := names{}
	source := lexer.New(&ast.Source{Input: params.Query})
	for range limit {
		token, err := source.ReadToken()
		if err != nil || token.Kind == lexer.EOF || token.Kind == lexer.Invalid {
			break
		}
		if token.Kind == lexer.Name {
			known[token.Value] = true
		}
	}
	known.addMembers(params.Variables)
	return known
}

func (n names) addMembers(value any) {
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			n[name] = true
			n.addMembers(member)
		}
	case []any:
		for _, item := range v {
			n.addMembers(item)
		}
	}
}

// veil returns what is told of a message: "?" in place of names that are not
// the request's. gqlparser quotes every name that it tells.
func (w *wording) veil(message string, known names) string {
	if known == nil {
		return message
	}
	return w.quoted.ReplaceAllStringFunc(message, func(quoted string) string {
		return w.names.ReplaceAllStringFunc(quoted, known.told)
	})
}

// told returns the name, or "?" where it is hidden.
func (n names) told(name string) string {
	if n == nil || n[name] {
		return name
	}
	return "?"
}
