package keyring_test

import (
	"database/sql"
	"path/filepath"
	"sync"
	"testing"
	"time"

	_ "github.com/glebarez/sqlite"

	"rekey/internal/auth"
	"rekey/internal/keyring"
	"rekey/internal/store"
	"rekey/internal/test/logcheck"
	"rekey/internal/token"
)

// world is a database with a clock that replicas share.
type world struct {
	t   *testing.T
	dir string
	st  *store.Store
	db  *sql.DB

	mu  sync.Mutex
	now time.Time
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{t: t, dir: t.TempDir(), now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	path := filepath.Join(w.dir, "rekey.db")
	st, err := store.Open(t.Context(), store.Options{Path: path, DatabaseClock: "(SELECT micros FROM test_clock)"})
	if err != nil {
		t.Fatal(err)
	}
	w.st = st
	t.Cleanup(func() { _ = st.Close() })
	if _, err := st.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.db, err = sql.Open("sqlite", "file:"+path+"?_pragma=busy_timeout(5000)"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = w.db.Close() })
	w.exec("CREATE TABLE test_clock (micros BIGINT NOT NULL)")
	w.exec("INSERT INTO test_clock VALUES (?)", w.now.UnixMicro())
	return w
}

func (w *world) exec(statement string, args ...any) {
	w.t.Helper()
	if _, err := w.db.ExecContext(w.t.Context(), statement, args...); err != nil {
		w.t.Fatalf("%s: %v", statement, err)
	}
}

func (w *world) clock() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

// advance advances the clocks of the database and of all replicas.
func (w *world) advance(d time.Duration) {
	w.t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
	w.exec("UPDATE test_clock SET micros = ?", w.now.UnixMicro())
}

const (
	accessLife = 15 * time.Minute
	maxAge     = 10 * time.Minute
	leeway     = 30 * time.Second
	lead       = maxAge + keyring.Propagation + leeway
)

// options returns the options of a replica with the data directory dir.
func (w *world) options(dir string) keyring.Options {
	return keyring.Options{
		Store: w.st, Dir: dir, MaxAge: maxAge, Leeway: leeway, Now: w.clock,
		Lives: map[auth.KeyPurpose]time.Duration{
			auth.KeyAccess: accessLife, auth.KeyRefresh: 24 * time.Hour, auth.KeyRotation: 12 * time.Hour,
		},
		Logger: logcheck.Logger(w.t),
	}
}

func newRing(t *testing.T, o keyring.Options) *keyring.Ring {
	t.Helper()
	r, err := keyring.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// replica is a ring with its codec.
type replica struct {
	*keyring.Ring
	codec *token.Codec
	w     *world
}

func (w *world) start(o keyring.Options) *replica {
	w.t.Helper()
	r := newRing(w.t, o)
	if err := r.Start(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	codec, err := r.Codec(token.Options{Leeway: leeway})
	if err != nil {
		w.t.Fatal(err)
	}
	return &replica{r, codec, w}
}

func (r *replica) poll() {
	r.w.t.Helper()
	if err := r.Poll(r.w.t.Context()); err != nil {
		r.w.t.Fatal(err)
	}
}

// mint signs an access token with the longest lifetime.
func (r *replica) mint() string {
	r.w.t.Helper()
	now := r.w.clock()
	tok, err := r.codec.Mint(auth.UseAccess, auth.Claims{IssuedAt: now, ExpiresAt: now.Add(accessLife)})
	if err != nil {
		r.w.t.Fatal(err)
	}
	return tok
}

func (r *replica) verifies(tok string) bool {
	_, err := r.codec.Verify(auth.UseAccess, tok, r.w.clock())
	return err == nil
}

// one returns the key of a purpose in a state.
func (r *replica) one(p auth.KeyPurpose, s keyring.State) keyring.Key {
	r.w.t.Helper()
	for _, k := range r.Keys() {
		if k.Purpose == p && k.State == s {
			return k
		}
	}
	r.w.t.Fatalf("there is no %s %s key: %+v", s, p, r.Keys())
	return keyring.Key{}
}

func (r *replica) count(s keyring.State) (n int) {
	for _, k := range r.Keys() {
		if k.State == s {
			n++
		}
	}
	return n
}
