package graphqlhttp

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/99designs/gqlgen/graphql"

	"rekey/graph"
	"rekey/graph/model"
	"rekey/internal/auth"
	"rekey/internal/test/logcheck"
	"rekey/resolvers"
)

const (
	testRequestID = "request-1"
	// secret is written by tests where a password could be. It must not appear in
	// any answer or log line.
	secret = "hunter2"
)

// fakeRoot answers the real schema without a core: every field fails with err,
// or panics, or succeeds.
type fakeRoot struct {
	err     error
	panics  any
	mutated int // how many mutations were resolved
	events  chan *model.SessionEvent
}

type (
	fakeQuery struct {
		graph.QueryResolver
		root *fakeRoot
	}
	fakeMutation struct {
		graph.MutationResolver
		root *fakeRoot
	}
)

func (f *fakeRoot) Query() graph.QueryResolver       { return fakeQuery{root: f} }
func (f *fakeRoot) Mutation() graph.MutationResolver { return fakeMutation{root: f} }

func (f *fakeRoot) outcome() error {
	if f.panics != nil {
		panic(f.panics)
	}
	return f.err
}

func (q fakeQuery) Me(context.Context) (*model.User, error) {
	return &model.User{ID: "u", Name: "Ada"}, q.root.outcome()
}

func (q fakeQuery) Session(context.Context) (*model.Session, error) {
	return &model.Session{ID: "s"}, nil
}

func (q fakeQuery) Sessions(context.Context) ([]*model.Session, error) {
	return []*model.Session{{ID: "s"}}, nil
}

func (q fakeQuery) IsBlacklisted(context.Context, string) (bool, error) {
	return false, q.root.outcome()
}

func (m fakeMutation) Login(context.Context, model.LoginInput, *string) (*model.AuthPayload, error) {
	m.root.mutated++
	return &model.AuthPayload{Token: "t", User: &model.User{}, Session: &model.Session{}}, m.root.outcome()
}

func (m fakeMutation) SignUp(context.Context, model.SignUpInput, *string) (*model.AuthPayload, error) {
	m.root.mutated++
	return &model.AuthPayload{Token: "t", User: &model.User{}, Session: &model.Session{}}, m.root.outcome()
}

func (m fakeMutation) Logout(context.Context, model.LogoutScope, *string) (int, error) {
	m.root.mutated++
	return 1, m.root.outcome()
}

// fixture is the endpoint with its log.
type fixture struct {
	http.Handler
	root *fakeRoot
	log  *bytes.Buffer
}

func newFixture(t testing.TB, root *fakeRoot, change ...func(*Options)) *fixture {
	t.Helper()
	f := &fixture{root: root, log: &bytes.Buffer{}}
	t.Cleanup(func() { logcheck.Check(t, f.log.String()) })
	presenter := resolvers.Presenter{Log: slog.New(slog.NewTextHandler(f.log, nil))}
	options := Options{Present: presenter.Present, Recover: presenter.Recover}
	for _, c := range change {
		c(&options)
	}
	handler := New(graph.NewExecutableSchema(graph.Config{
		Resolvers: root,
		Directives: graph.DirectiveRoot{Auth: func(ctx context.Context, _ any, next graphql.Resolver, _ bool) (any, error) {
			return next(ctx)
		}},
	}), options)
	f.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx := auth.WithClient(r.Context(), auth.Client{RequestID: testRequestID})
		handler.ServeHTTP(w, r.WithContext(ctx))
	})
	return f
}

// post sends a body, accepting a media type.
func (f *fixture) post(accept, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, "/graphql", strings.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", accept)
	return f.do(r)
}

// query posts a document with variables as the media type with statuses.
func (f *fixture) query(document string, variables map[string]any) *httptest.ResponseRecorder {
	body, _ := json.Marshal(map[string]any{"query": document, "variables": variables})
	return f.post(acceptGraphQL, string(body))
}

func (f *fixture) do(r *http.Request) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	f.ServeHTTP(w, r)
	return w
}

const (
	acceptGraphQL = "application/graphql-response+json"
	acceptJSON    = "application/json"
)

type location struct{ Line, Column int }

// reply is an answer as a client reads it.
type reply struct {
	Data   json.RawMessage
	Errors []struct {
		Message    string
		Locations  []location
		Path       []any
		Extensions struct {
			Code, Reason, RequestID, Field string
			Retryable                      *bool
			RetryAfter                     int
			Fields                         []auth.InvalidField
		}
	}
}

func decode(t *testing.T, w *httptest.ResponseRecorder) reply {
	t.Helper()
	var r reply
	if err := json.Unmarshal(w.Body.Bytes(), &r); err != nil {
		t.Fatalf("answer is not JSON: %v: %s", err, w.Body)
	}
	return r
}
