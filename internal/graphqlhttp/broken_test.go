package graphqlhttp

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"rekey/internal/auth"
)

// panicky is an extension that panics before anything is executed.
type panicky struct{}

func (panicky) ExtensionName() string                   { return "Panicky" }
func (panicky) Validate(graphql.ExecutableSchema) error { return nil }
func (panicky) InterceptOperation(context.Context, graphql.OperationHandler) graphql.ResponseHandler {
	panic("in the executor")
}

// responseWith is an answer without data and with these errors.
func (f *fixture) responseWith(codes ...auth.Code) *graphql.Response {
	response := &graphql.Response{Data: []byte("null")}
	for _, code := range codes {
		response.Errors = append(response.Errors, &gqlerror.Error{Extensions: map[string]any{"code": string(code)}})
	}
	return response
}

// cancelled posts a request whose client has left.
func (f *fixture) cancelled(body string) *httptest.ResponseRecorder {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", acceptGraphQL)
	return f.do(r)
}
