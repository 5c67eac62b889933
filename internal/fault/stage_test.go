//go:build faults

package fault

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"database/sql"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/redis/go-redis/v9"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/limit"
	"rekey/internal/redispool"
	"rekey/internal/store"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
	"rekey/internal/token"
)

const (
	window   = 10 * time.Second
	retryTTL = 24 * time.Hour
)

// stage is the core of one build, on a real Postgres and a real Redis, with a
// clock that stands still.
type stage struct {
	t     *testing.T
	in    Injector
	core  *auth.Service
	store *store.Store
	db    *sql.DB // to do what no use case can do
	redis *redis.Client
	now   atomic.Pointer[time.Time]
}

type killed struct{ order }

// newStage opens the core as the named build; "" is a good one. An armed kill
// panics instead.
func newStage(t *testing.T, name string, server *throwaway.RedisServer) *stage {
	t.Helper()
	url := throwaway.Postgres(t)
	s := &stage{t: t}
	s.in, _ = newInjector(t, map[string]string{"BAD_BUILD": name, "DATABASE_URL": url})
	s.in.m.points.do = func(o order) { panic(killed{o}) }
	s.openStore(url)
	s.redis = redis.NewClient(&redis.Options{Addr: server.Addr()})
	t.Cleanup(func() { _ = s.redis.Close() })
	s.flushRedis()

	start := time.Now().Truncate(time.Second)
	joined := start.Add(-time.Hour) // so that the tokens are newer than every marker
	s.now.Store(&joined)
	clock := func() time.Time { return *s.now.Load() }
	log := logcheck.Logger(t)
	pool, err := redispool.Open(redispool.Options{URL: server.URL(), Logger: log, Timeout: time.Minute})
	s.must(err)
	t.Cleanup(func() { _ = pool.Close() })
	cache := blacklist.NewRedis(blacklist.Options{
		Notes: s.store, Now: clock, After: time.After, Logger: log, Redis: pool, AccessLifetime: 15 * time.Minute, RoundTimeout: time.Minute,
	})
	s.must(cache.Join(t.Context()))
	s.now.Store(&start)
	s.must(cache.Round(t.Context()))
	if !cache.Status().Trusted {
		t.Fatalf("the cache is not trusted: %s", cache.Status().Reason)
	}

	codec, err := token.New(token.Options{Access: newKeys(t), Refresh: newKeys(t)})
	s.must(err)
	s.core, err = auth.New(s.in.Core(auth.Options{
		Settings: auth.Settings{
			AccessTTL: 15 * time.Minute, RefreshTTL: 30 * 24 * time.Hour, SessionTTL: 90 * 24 * time.Hour,
			ReuseWindow: window, RetryTTL: retryTTL, AccessOverlap: window, ReuseAction: auth.ReuseRevoke,
			ClockLeeway: time.Hour, // the core's clock stands still, the database's does not
		},
		Store: s.store, Tokens: codec, Blacklist: cache, Limiter: limit.Off{},
		Events: auth.LogEvents{Logger: log}, Now: clock, SendsMail: true, AppURL: "https://app.example", Sealer: clearSealer{},
		Passwords: auth.NewPasswords(1, 8, nil), RotationKeys: auth.FixedKeys(make([]byte, 32)),
	}))
	s.must(err)
	return s
}

func (s *stage) openStore(url string) {
	s.t.Helper()
	// Statements that wait for one another on purpose may take their time.
	st, err := store.Open(s.t.Context(), store.Options{URL: url + "&lock_timeout=0&statement_timeout=0"})
	s.must(err)
	s.t.Cleanup(func() { _ = st.Close() })
	_, err = st.Migrate(s.t.Context())
	s.must(err)
	s.store = st
	config, err := pgx.ParseConfig(url)
	s.must(err)
	s.db = stdlib.OpenDB(*config)
	s.t.Cleanup(func() { _ = s.db.Close() })
}

func newKeys(t *testing.T) token.KeySet {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return token.KeySet{Signing: key}
}

func (s *stage) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *stage) exec(statement string, args ...any) {
	s.t.Helper()
	_, err := s.db.ExecContext(s.t.Context(), statement, args...)
	s.must(err)
}

// pass lets time pass for the one session: its last rotation moves back.
func (s *stage) pass(d time.Duration) {
	s.t.Helper()
	s.exec(`UPDATE sessions SET rotated_at = rotated_at - $1, run_at = run_at - $1, before_run_at = before_run_at - $1`, d.Microseconds())
}

func (s *stage) flushRedis() {
	s.t.Helper()
	s.must(s.redis.FlushAll(s.t.Context()).Err())
}

func (s *stage) signUp() auth.Grant {
	s.t.Helper()
	g, err := s.core.SignUp(s.t.Context(), auth.SignUpInput{Name: "Ada", Email: "ada@example.com", Password: "correct horse"}, auth.Client{})
	s.must(err)
	return g
}

func (s *stage) refresh(token, key string) (auth.Grant, error) {
	return s.core.Refresh(s.t.Context(), auth.RefreshInput{Token: token, IdempotencyKey: key}, auth.Client{})
}

func (s *stage) mustRefresh(token, key string) auth.Grant {
	s.t.Helper()
	g, err := s.refresh(token, key)
	s.must(err)
	return g
}

// access returns the outcome of an access check.
func (s *stage) access(token string) string {
	_, err := s.core.Authenticate(s.t.Context(), token, auth.Client{})
	return outcomeOf(err)
}

// outcomeOf returns the reason, the code, or "accepted".
func outcomeOf(err error) string {
	e := auth.AsError(err)
	switch {
	case e == nil:
		return "accepted"
	case e.Reason != "":
		return string(e.Reason)
	}
	return string(e.Code)
}

// awaitBlocked waits until n statements of this database wait for a lock.
func (s *stage) awaitBlocked(ctx context.Context, n int) {
	s.t.Helper()
	for waiting := 0; waiting < n; {
		s.must(s.db.QueryRowContext(ctx, `SELECT count(*) FROM pg_stat_activity
			WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting))
	}
}
