package compat

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/rand"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/limit"
	"rekey/internal/store"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
	"rekey/internal/token"
	"rekey/internal/web"
)

func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }

// clock is the service's, moved by hand.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t
}

// clocked is a database whose clock and the service's are right.
type clocked struct {
	*store.Store
	clock *clock
	later *atomic.Int64
}

func (c clocked) SessionState(ctx context.Context, id string, secret auth.SecretHash) (auth.SessionState, error) {
	st, err := c.Store.SessionState(ctx, id, secret)
	st.Now = st.Now.Add(time.Duration(c.later.Load()))
	return st, err
}

func (c clocked) Now(context.Context) (time.Time, error) { return c.clock.Now(), nil }

// stack is the service behind the legacy transport as it is served: over HTTP, with
// the middleware around it and a real database below.
type stack struct {
	server          *httptest.Server
	client          *http.Client
	store           *store.Store
	clock           *clock
	access, refresh *ecdsa.PrivateKey
	log             *logcheck.Text
	later           atomic.Int64 // how much later the database reads a session
}

// endBursts lets so much time pass that no token replaced earlier is a race.
func (s *stack) endBursts(t *testing.T) {
	s.later.Store(int64(time.Minute))
	t.Cleanup(func() { s.later.Store(0) })
}

// settings are varied by tests.
type settings struct {
	database store.Options
	tokens   token.Options
	limiter  func(*clock) auth.Limiter
	proxies  web.Proxies
}

// onEachEngine runs a test on a stack of its own above each engine.
func onEachEngine(t *testing.T, test func(*testing.T, *stack), vary ...func(*testing.T, *settings)) {
	engines := map[string]func(*testing.T) store.Options{
		"SQLite":   func(t *testing.T) store.Options { return store.Options{Path: filepath.Join(t.TempDir(), "rekey.db")} },
		"Postgres": func(t *testing.T) store.Options { return store.Options{URL: throwaway.Postgres(t)} },
	}
	for name, database := range engines {
		t.Run(name, func(t *testing.T) { test(t, newStack(t, database(t), vary...)) })
	}
}

func newStack(t *testing.T, database store.Options, vary ...func(*testing.T, *settings)) *stack {
	t.Helper()
	s := &stack{
		clock:  &clock{now: time.Date(2024, 3, 1, 12, 0, 0, 0, time.UTC)},
		access: newKey(t), refresh: newKey(t), log: &logcheck.Text{},
	}
	o := settings{
		database: database,
		tokens:   token.Options{Access: token.KeySet{Signing: s.access}, Refresh: token.KeySet{Signing: s.refresh}},
		limiter:  func(*clock) auth.Limiter { return limit.Off{} },
		proxies:  web.Proxies{netip.MustParsePrefix("127.0.0.0/8")}, // the test
	}
	for _, f := range vary {
		f(t, &o)
	}
	s.open(t, o.database)
	s.serve(t, s.service(t, o), o)
	return s
}

func (s *stack) open(t *testing.T, o store.Options) {
	t.Helper()
	var err error
	if s.store, err = store.Open(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.store.Close() }) // some tests close it themselves
	if _, err := s.store.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (s *stack) service(t *testing.T, o settings) *auth.Service {
	t.Helper()
	codec, err := token.New(o.tokens)
	if err != nil {
		t.Fatal(err)
	}
	rotationKey := make([]byte, 32)
	_, _ = rand.Read(rotationKey)
	service, err := auth.New(auth.Options{
		Settings: auth.Settings{
			AccessTTL: accessTTL, RefreshTTL: refreshTTL, SessionTTL: sessionTTL,
			ReuseWindow: 10 * time.Second, RetryTTL: 24 * time.Hour, AccessOverlap: 10 * time.Second,
			ReuseAction: auth.ReuseRevoke,
		},
		Store: clocked{s.store, s.clock, &s.later}, Tokens: codec, Blacklist: doubtful{}, Limiter: o.limiter(s.clock), Events: noEvents{},
		Passwords: auth.NewPasswords(1, 1, nil), Now: s.clock.Now, RotationKeys: auth.FixedKeys(rotationKey),
	})
	if err != nil {
		t.Fatal(err)
	}
	return service
}

func noKey() []byte { return nil }

func (s *stack) publicPEM() []byte {
	pem, _ := token.PublicPEM(&s.access.PublicKey) // a key that was just made
	return pem
}

// serve puts the transport behind the middlewares of the program.
func (s *stack) serve(t *testing.T, service *auth.Service, o settings) {
	logger := slog.New(slog.NewJSONHandler(s.log, nil))
	s.server = httptest.NewServer(web.Chain(New(Options{Auth: service, PublicKey: s.publicPEM, Logger: logger}), web.Options{
		Log: logger, Now: s.clock.Now, CORS: web.CORSOptions{Origins: []string{"*"}}, RenderError: RenderError,
		Proxies: o.proxies, LimitHeaders: TellLimits,
	}))
	t.Cleanup(func() {
		s.server.Close()
		logcheck.Check(t, s.log.String())
	})
	transport := &http.Transport{DisableCompression: true, DialContext: (&net.Dialer{}).DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	s.client = &http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// doubtful is a blacklist that always asks the database.
type doubtful struct{}

func (doubtful) Invalidate(context.Context, ...auth.Invalidation) error { return nil }

func (doubtful) KnownValid(context.Context, string, auth.SecretHash, time.Time) bool { return false }

type noEvents struct{}

func (noEvents) Emit(context.Context, auth.Event) {}

// response holds a response, with the body as transferred.
type response struct {
	status int
	header http.Header
	body   []byte
}

// send makes a request whose path is sent as it is spelt.
func (s *stack) send(t *testing.T, method, target string, h http.Header, body string) response {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, s.server.URL, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.URL.Opaque = target
	for name, values := range h {
		if values != nil {
			req.Header[name] = values
		}
	}
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response{status: res.StatusCode, header: res.Header, body: raw}
}

// envelopeOf reads an answer's envelope and fails when it is not spelt as
// envelopes are.
func (r response) envelopeOf(t *testing.T) envelope {
	t.Helper()
	var e envelope
	if err := json.Unmarshal(r.body, &e); err != nil {
		t.Fatalf("body %q: %v", r.body, err)
	}
	if !bytes.Equal(e.bytes(), r.body) {
		t.Errorf("body %q, want %q", r.body, e.bytes())
	}
	return e
}
