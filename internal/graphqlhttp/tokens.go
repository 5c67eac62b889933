package graphqlhttp

import (
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

// tokens is what a look at a document's tokens tells.
type tokens struct {
	count       int
	longestName int // in bytes
	// free reports text that the client could write anything into: strings
	// and comments.
	free bool
}

// scan reads at most limit+1 tokens. It stops where the document cannot be
// read; the parser will say so.
func scan(document string, limit int) tokens {
	var seen tokens
	source := lexer.New(&ast.Source{Input: document})
	for seen.count <= limit {
		token, err := source.ReadToken()
		if err != nil || token.Kind == lexer.EOF || token.Kind == lexer.Invalid {
			return seen
		}
		seen.count++
		switch token.Kind {
		case lexer.Name:
			seen.longestName = max(seen.longestName, len(token.Value))
		case lexer.String, lexer.BlockString, lexer.Comment:
			seen.free = true
		}
	}
	return seen
}
