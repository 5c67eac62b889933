package graphqlhttp

import (
	"context"

	"github.com/99designs/gqlgen/graphql"
	"github.com/99designs/gqlgen/graphql/handler/lru"
	"github.com/vektah/gqlparser/v2/ast"
)

const (
	// cachedDocuments and cachedBytes bound the cache to some megabytes. A
	// front-end has a few dozen documents.
	cachedDocuments = 256
	cachedBytes     = 8 << 10
)

// documentCache keeps validated documents. It keeps none with a string or a
// comment in it: there a password may stand, and it would stay in memory.
type documentCache struct {
	kept graphql.Cache[*ast.QueryDocument]
}

func newDocumentCache() documentCache {
	return documentCache{kept: lru.New[*ast.QueryDocument](cachedDocuments)}
}

// Get returns the document of a query that was kept.
func (c documentCache) Get(ctx context.Context, query string) (*ast.QueryDocument, bool) {
	return c.kept.Get(ctx, query)
}

// Add keeps a document, unless the client could have written anything into it.
func (c documentCache) Add(ctx context.Context, query string, document *ast.QueryDocument) {
	if len(query) <= cachedBytes && !scan(query, len(query)).free {
		c.kept.Add(ctx, query, document)
	}
}
