package graphqlhttp

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
	"github.com/vektah/gqlparser/v2/lexer"
)

const (
	// cachedDocuments and cachedBytes bound the cache to some megabytes. A
	// front-end has a few dozen documents.
	cachedDocuments = 256
	cachedBytes     = 8 << 10
)

// documentCache caches validated documents, except those with a string or a
// comment: it may be a password, which would stay in memory.
type documentCache struct {
	cache graphql.Cache[*ast.QueryDocument]
}

func newDocumentCache() documentCache {
	return documentCache{cache: lru.New[*ast.QueryDocument](cachedDocuments)}
}

// Get returns the cached document of a query.
func (c documentCache) Get(ctx context.Context, query string) (*ast.QueryDocument, bool) {
	return c.cache.Get(ctx, query)
}

// Add caches a document if it contains no text that the client chose freely.
func (c documentCache) Add(ctx context.Context, query string, document *ast.QueryDocument) {
	if len(query) <= cachedBytes && !scan(query, len(query)).freeText {
		c.cache.Add(ctx, query, document)
	}
}

// tokens describes the tokens of a document.
type tokens struct {
	count       int
	longestName int  // in bytes
	freeText    bool // whether there are strings or comments
}

// scan reads at most limit+1 tokens. It stops at a token that is malformed; the
// parser reports it.
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
			seen.freeText = true
		}
	}
	return seen
}
