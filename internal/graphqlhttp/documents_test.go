package graphqlhttp

import (
	"strings"
	"testing"

	"github.com/vektah/gqlparser/v2/ast"
)

func TestDocumentCache_Add(t *testing.T) {
	for name, c := range map[string]struct {
		query  string
		cached bool
	}{
		"variables":    {`mutation($i: LoginInput!) { login(input: $i) { token } }`, true},
		"plain":        {`{ me { id } }`, true},
		"string":       {`mutation { login(input: {email: "a", password: "hunter2"}) { token } }`, false},
		"block string": {`{ isBlacklisted(token: """hunter2""") }`, false},
		"default":      {`mutation($p: String = "hunter2") { logout(refreshToken: $p) }`, false},
		"comment":      {"{ me { id } } # hunter2", false},
		"long":         {`{ me {` + strings.Repeat(" id", cachedBytes) + `} }`, false},
	} {
		t.Run(name, func(t *testing.T) {
			cache := newDocumentCache()
			cache.Add(t.Context(), c.query, &ast.QueryDocument{})
			if _, cached := cache.Get(t.Context(), c.query); cached != c.cached {
				t.Errorf("cached = %v", cached)
			}
		})
	}
}
