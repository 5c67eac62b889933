package blacklist_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"fmt"
	"net/url"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/limit"
	"rekey/internal/store"
	"rekey/internal/test/throwaway"
	"rekey/internal/token"
)

// coreStage is the real core on real Postgres and Redis, with a proxy before each
// that counts round trips.
type coreStage struct {
	*stage
	core  *auth.Service
	codec *token.Codec
	store auth.Store
	cache *blacklist.Cache
	sql   *throwaway.Proxy
	users int
}

// openCore opens the core on Postgres. What it caches on Redis is opened by cache.
func openCore(t testing.TB, cache func(s *stage) *blacklist.Cache) *coreStage {
	t.Helper()
	address, err := url.Parse(throwaway.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	h := &coreStage{sql: throwaway.NewProxy(t, address.Host)}
	address.Host = h.sql.Addr()
	d := openDatabase(t, "pgx", address.String(), store.Options{URL: address.String()})
	h.stage = d.stage(t)
	h.cache = cache(h.stage)
	h.codec, h.store = newCodec(t), d.store
	h.core = newCoreWith(t, h.stage, h.codec, h.store, h.cache)
	if err := h.cache.Join(t.Context()); err != nil {
		t.Fatal(err)
	}
	h.later(t, h.cache, margin+2*time.Second)
	return h
}

func newKeys(tb testing.TB) token.KeySet {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	return token.KeySet{Signing: key}
}

func newCodec(tb testing.TB) *token.Codec {
	tb.Helper()
	codec, err := token.New(token.Options{Access: newKeys(tb), Refresh: newKeys(tb), Leeway: leeway})
	if err != nil {
		tb.Fatal(err)
	}
	return codec
}

func newCore(tb testing.TB, s *stage, st auth.Store, invalidations auth.Blacklist) *auth.Service {
	tb.Helper()
	return newCoreWith(tb, s, newCodec(tb), st, invalidations)
}

func newCoreWith(tb testing.TB, s *stage, codec *token.Codec, st auth.Store, invalidations auth.Blacklist) *auth.Service {
	tb.Helper()
	core, err := auth.New(auth.Options{
		Settings: auth.Settings{
			AccessTTL: lifetime, RefreshTTL: 24 * time.Hour, SessionTTL: 48 * time.Hour,
			ReuseWindow: 10 * time.Second, RetryTTL: time.Hour, ClockLeeway: leeway, ReuseAction: auth.ReuseRevoke,
		},
		Store: st, Tokens: codec, Blacklist: invalidations, Limiter: limit.Off{},
		Events: auth.LogEvents{Logger: s.options().Logger}, Now: s.clock.Now, RotationKeys: auth.FixedKeys(make([]byte, 32)),
		Passwords: auth.NewPasswords(1, 10, nil),
	})
	if err != nil {
		tb.Fatal(err)
	}
	return core
}

// signUp returns the tokens of a new session.
func (h *coreStage) signUp(t testing.TB) auth.Grant {
	t.Helper()
	h.users++
	g, err := h.core.SignUp(t.Context(), auth.SignUpInput{
		Name: "Someone", Email: fmt.Sprintf("u%d@example.com", h.users), Password: "correct horse battery",
	}, auth.Client{})
	if err != nil {
		t.Fatalf("SignUp: %v", err)
	}
	return g
}

// check is an access check that must succeed.
func (h *coreStage) check(t testing.TB, g auth.Grant) {
	t.Helper()
	if _, err := h.core.Authenticate(t.Context(), g.AccessToken, auth.Client{}); err != nil {
		t.Errorf("Authenticate: %v", err)
	}
}

// refused is an access check of a session that has ended.
func (h *coreStage) refused(t *testing.T, g auth.Grant) {
	t.Helper()
	_, err := h.core.Authenticate(t.Context(), g.AccessToken, auth.Client{})
	if err == nil || auth.AsError(err).Reason != auth.ReasonSessionRevoked {
		t.Errorf("Authenticate = %v, want %s", err, auth.ReasonSessionRevoked)
	}
}

func (h *coreStage) logout(t *testing.T, g auth.Grant) {
	t.Helper()
	if n, err := h.core.Logout(t.Context(), g.AccessToken, auth.Client{}); n != 1 || err != nil {
		t.Errorf("Logout = %d, %v", n, err)
	}
}

// asked returns how often SQL was asked while f ran.
func (h *coreStage) asked(f func()) int {
	before := h.sql.Requests()
	f()
	return h.sql.Requests() - before
}

// awaitCleared checks until SQL is no longer asked, and makes rounds meanwhile.
func (h *coreStage) awaitCleared(t *testing.T) auth.Grant {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for {
		h.later(t, h.cache, time.Second)
		h.later(t, h.cache, margin+time.Second)
		g := h.signUp(t)
		if h.asked(func() { h.check(t, g) }) == 0 {
			return g
		}
		select {
		case <-deadline:
			t.Fatalf("SQL is asked forever: %+v, %v", h.cache.Status(), h.cache.Counts())
		default:
		}
	}
}

const checks = 200

// TestAccessCheck_RoundTrips: one of Redis and none of SQL for a token that is
// newer than the marker.
func TestAccessCheck_RoundTrips(t *testing.T) {
	t.Parallel()
	proxy := throwaway.NewProxy(t, throwaway.Redis(t).Addr())
	h := openCore(t, func(s *stage) *blacklist.Cache { return openRedis(t, s, "redis://"+proxy.Addr()) })
	g := h.signUp(t)
	h.check(t, g) // the first look sends the script in full
	sent := proxy.Requests()
	asked := h.asked(func() {
		for range checks {
			h.check(t, g)
		}
	})
	if n := proxy.Requests() - sent; n != checks || asked != 0 {
		t.Errorf("%d checks took %d round trips of Redis and %d of SQL", checks, n, asked)
	}
	if n := h.cache.Counts()[blacklist.Cleared]; n != checks+1 {
		t.Errorf("%d looks counted as cleared, want %d", n, checks+1)
	}
}

// TestAccessCheck_ClusterRoundTrips counts what the nodes themselves have run.
func TestAccessCheck_ClusterRoundTrips(t *testing.T) {
	t.Parallel()
	cluster := throwaway.Cluster(t, 3, false)
	h := openCore(t, func(s *stage) *blacklist.Cache { return openRedis(t, s, cluster.URL()) })
	grants := make([]auth.Grant, 10) // all over the cluster
	for i := range grants {
		grants[i] = h.signUp(t)
		h.check(t, grants[i])
	}
	for _, m := range cluster.Masters {
		do(t, raw(t, m.Addr()), "CONFIG", "RESETSTAT")
	}
	asked := h.asked(func() {
		for i := range checks {
			h.check(t, grants[i%len(grants)])
		}
	})
	ran := int64(0)
	for _, m := range cluster.Masters {
		ran += scriptsRun(t, m)
	}
	if ran != checks || asked != 0 {
		t.Errorf("%d checks took %d scripts and %d round trips of SQL", checks, ran, asked)
	}
}

// scriptsRun returns how many scripts a node was sent since the last reset, and
// fails the test when it was sent anything else that a look could need.
func scriptsRun(t *testing.T, server *throwaway.RedisServer) int64 {
	t.Helper()
	stats, err := raw(t, server.Addr()).InfoMap(t.Context(), "commandstats").Result()
	if err != nil {
		t.Fatal(err)
	}
	var ran int64
	for command, stat := range stats["Commandstats"] {
		var calls int64
		if _, err := fmt.Sscanf(stat, "calls=%d,", &calls); err != nil {
			t.Fatalf("%s: %q", command, stat)
		}
		switch command {
		case "cmdstat_evalsha":
			ran += calls
		case "cmdstat_eval", "cmdstat_script|load", "cmdstat_asking":
			t.Errorf("%s: %s", command, stat)
		}
	}
	return ran
}

// TestAccessCheck_Old: SQL is asked once about a token older than the marker.
func TestAccessCheck_Old(t *testing.T) {
	t.Parallel()
	server := throwaway.Redis(t)
	h := openCore(t, func(s *stage) *blacklist.Cache { return openRedis(t, s, server.URL()) })
	g := h.signUp(t)
	h.check(t, g)
	do(t, raw(t, server.Addr()), "FLUSHALL")
	h.check(t, g) // prepares the statement
	if n := h.asked(func() { h.check(t, g) }); n != 1 {
		t.Errorf("%d round trips of SQL, want 1", n)
	}
	if n := h.cache.Counts()[blacklist.AskedOld]; n != 2 {
		t.Errorf("%d looks counted as old, want 2", n)
	}
}
