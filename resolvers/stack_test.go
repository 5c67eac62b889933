package resolvers_test

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/99designs/gqlgen/graphql"

	"rekey/internal/auth"
	"rekey/internal/graphqlhttp"
	"rekey/internal/limit"
	"rekey/internal/store"
	"rekey/internal/test/logcheck"
	"rekey/internal/token"
	"rekey/resolvers"
)

// stack is the core on SQLite behind the GraphQL endpoint, without middleware.
type stack struct {
	handler http.Handler
	store   *store.Store
	now     atomic.Pointer[time.Time]
	checks  atomic.Int64 // access checks
	later   atomic.Int64 // how much later the database reads a session
}

func newStack(t *testing.T) *stack {
	t.Helper()
	s := &stack{}
	s.setNow(time.Now())
	s.openStore(t)
	service := s.newService(t)
	presenter := resolvers.Presenter{Log: logcheck.Logger(t)}
	s.handler = graphqlhttp.New(resolvers.NewSchema(&resolvers.Resolver{Auth: service}), graphqlhttp.Options{
		Present:    presenter.Present,
		Recover:    presenter.Recover,
		Extensions: []graphql.HandlerExtension{resolvers.Authentication{Auth: service}},
	})
	return s
}

func (s *stack) setNow(t time.Time) { s.now.Store(&t) }

func (s *stack) openStore(t *testing.T) {
	t.Helper()
	opened, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "rekey.db")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = opened.Close() }) // a test closes it itself
	if _, err := opened.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.store = opened
}

func (s *stack) newService(t *testing.T) *auth.Service {
	t.Helper()
	codec, err := token.New(token.Options{
		Access:  token.KeySet{Signing: newKey(t)},
		Refresh: token.KeySet{Signing: newKey(t)},
	})
	if err != nil {
		t.Fatal(err)
	}
	service, err := auth.New(auth.Options{
		Settings: auth.Settings{
			AccessTTL: 15 * time.Minute, RefreshTTL: 24 * time.Hour, SessionTTL: 90 * 24 * time.Hour,
			ReuseWindow: 10 * time.Second, RetryTTL: 24 * time.Hour, AccessOverlap: 10 * time.Second,
			ClockLeeway: 30 * time.Second, ReuseAction: auth.ReuseRevoke,
		},
		Store: clocked{s.store, s}, Tokens: codec, Blacklist: counting{checks: &s.checks}, Limiter: limit.Off{}, Events: noEvents{},
		Passwords: auth.NewPasswords(2, 8, nil), Now: func() time.Time { return *s.now.Load() },
		RotationKeys: auth.FixedKeys(bytes.Repeat([]byte{7}, 32)),
	})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func newKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// clocked is a database whose clock goes along with the service's for all that
// the core sees of it.
type clocked struct {
	*store.Store
	stack *stack
}

func (c clocked) Now(context.Context) (time.Time, error) { return *c.stack.now.Load(), nil }

func (c clocked) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	r.ClockLeeway = time.Hour // further than any test goes ahead
	return c.Store.Rotate(ctx, r)
}

func (c clocked) SessionState(ctx context.Context, id string, secret auth.SecretHash) (auth.SessionState, error) {
	st, err := c.Store.SessionState(ctx, id, secret)
	st.Now = st.Now.Add(time.Duration(c.stack.later.Load()))
	return st, err
}

// endBursts lets so much time pass that no token replaced earlier is a race.
func (s *stack) endBursts(t *testing.T) {
	s.later.Store(int64(time.Minute))
	t.Cleanup(func() { s.later.Store(0) })
}

// counting is a blacklist that always asks the database, and counts.
type counting struct{ checks *atomic.Int64 }

func (counting) Invalidate(context.Context, ...auth.Invalidation) error { return nil }

func (c counting) KnownValid(context.Context, string, auth.SecretHash, time.Time) bool {
	c.checks.Add(1)
	return false
}

type noEvents struct{}

func (noEvents) Emit(context.Context, auth.Event) {}

// answer holds an answer as a client reads it.
type answer struct {
	status int
	header http.Header
	Data   map[string]json.RawMessage
	Errors []struct {
		Message    string
		Extensions map[string]any
	}
}

// send posts a document. header is name, value, name, value, ...
func (s *stack) send(t *testing.T, document string, variables map[string]any, header ...string) answer {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": document, "variables": variables})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/graphql", bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Accept", "application/graphql-response+json")
	for i := 0; i < len(header); i += 2 {
		r.Header.Add(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	a := answer{status: w.Code, header: w.Header()}
	if err := json.Unmarshal(w.Body.Bytes(), &a); err != nil {
		t.Fatalf("%v: %s", err, w.Body)
	}
	return a
}

// refused is "CODE REASON" of the first error, or "".
func (a answer) refused() string {
	if len(a.Errors) == 0 {
		return ""
	}
	e := a.Errors[0].Extensions
	if reason, ok := e["reason"].(string); ok {
		return e["code"].(string) + " " + reason
	}
	return e["code"].(string)
}

// field decodes one field of the data.
func field[T any](t *testing.T, a answer, name string) T {
	t.Helper()
	var value T
	if len(a.Errors) > 0 {
		t.Fatalf("%s: %+v", name, a.Errors)
	}
	if err := json.Unmarshal(a.Data[name], &value); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return value
}
