package limit

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/redispool"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
)

// replica is a shared limiter, with the clock and the log that are its own.
type replica struct {
	*Redis
	clock *clock
	log   *bytes.Buffer
	pool  *redispool.Pool
}

func newReplica(t *testing.T, url string, o redispool.Options) replica {
	t.Helper()
	r := replica{clock: newClock(), log: &bytes.Buffer{}}
	log := slog.New(slog.NewTextHandler(r.log, nil))
	t.Cleanup(func() { logcheck.Check(t, r.log.String()) })
	o.URL, o.Logger = url, logcheck.Logger(t)
	pool, err := redispool.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	r.pool, r.Redis = pool, NewRedis(pool, testSecret, NewMemory(100, r.clock.now), log)
	return r
}

// patient pools wait longer than a busy machine takes, and try again at once.
func patient() redispool.Options {
	return redispool.Options{Timeout: time.Minute, OpenFor: time.Millisecond}
}

// testSecret returns the secret that all replicas of the tests share.
func testSecret() []byte { return []byte("0123456789abcdef0123456789abcdef") }

// slow lets a burst through and then, within any test, nothing.
func slow(burst int) auth.Limit { return auth.Limit{Name: "slow", Rate: 0.0001, Burst: burst} }

// allowed sends n requests and returns how many may go on.
func (r replica) allowed(t *testing.T, n int, l auth.Limit, key string) int {
	t.Helper()
	allowed := 0
	for range n {
		if ask(r, l, key) == 0 {
			allowed++
		}
	}
	return allowed
}

func TestRedis_OneBudget(t *testing.T) {
	t.Parallel()
	url := throwaway.Redis(t).URL()
	one, two := newReplica(t, url, patient()), newReplica(t, url, patient())
	if got := one.allowed(t, 3, slow(5), "a"); got != 3 {
		t.Errorf("the first one lets %d through, want 3", got)
	}
	if got := two.allowed(t, 10, slow(5), "a"); got != 2 {
		t.Errorf("the second one lets %d through, want the 2 left", got)
	}
	if wait := ask(one, slow(5), "a"); wait <= 0 || wait > 10_000*time.Second {
		t.Errorf("wait = %v", wait)
	}
	if got := two.allowed(t, 10, slow(5), "b"); got != 5 {
		t.Errorf("%d of another key, want 5", got)
	}
	other := auth.Limit{Name: "other", Rate: 0.0001, Burst: 4}
	if got := two.allowed(t, 10, other, "a"); got != 4 {
		t.Errorf("%d under another limit, want 4", got)
	}
}

// TestRedis_Quota: the quota is the remainder for all replicas together, and is
// recorded once.
func TestRedis_Quota(t *testing.T) {
	t.Parallel()
	url := throwaway.Redis(t).URL()
	one, two := newReplica(t, url, patient()), newReplica(t, url, patient())
	one.allowed(t, 3, slow(5), "a")
	for i, r := range []replica{two, one, two} {
		ctx := request()
		r.Allow(ctx, auth.Check{Limit: slow(5), Key: "a"})
		got := auth.QuotasFrom(ctx).Noted()
		if len(got) != 1 || got[0].Remaining != max(0, 1-i) || got[0].Refused != (i == 2) || got[0].Reset <= 0 {
			t.Errorf("request %d: %+v", i+4, got)
		}
	}
}

func TestRedis_Racers(t *testing.T) {
	t.Parallel()
	url := throwaway.Redis(t).URL()
	replicas := []replica{newReplica(t, url, patient()), newReplica(t, url, patient()), newReplica(t, url, patient())}
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for i := range 48 {
		wg.Go(func() { allowed.Add(int64(replicas[i%3].allowed(t, 20, slow(100), "hot"))) })
	}
	wg.Wait()
	if got := allowed.Load(); got != 100 {
		t.Errorf("%d of 960 simultaneous requests allowed, want exactly the burst of 100", got)
	}
}

// TestRedis_Lost: Redis is killed in the middle, and comes back empty.
func TestRedis_Lost(t *testing.T) {
	t.Parallel()
	server := throwaway.Redis(t)
	one, two := newReplica(t, server.URL(), patient()), newReplica(t, server.URL(), patient())
	one.allowed(t, 3, slow(5), "a")
	two.allowed(t, 1, slow(5), "a")
	server.Kill()
	if got := one.allowed(t, 10, slow(5), "a"); got != 2 {
		t.Errorf("%d more allowed without Redis, want the 2 left of 5 here", got)
	}
	if got := one.allowed(t, 10, slow(5), "b"); got != 5 {
		t.Errorf("%d of a new key allowed without Redis, want 5", got)
	}
	if one.Sharing() {
		t.Error("limits count as shared")
	}
	server.Restart()
	one.awaitShared(t)
	one.clock.move(settleFor)
	one.allowed(t, 1, slow(5), "c")
	two.awaitShared(t)
	if got := two.allowed(t, 10, slow(5), "c"); got != 4 {
		t.Errorf("%d allowed by the other one, want the 4 left: the budget is not shared again", got)
	}
	if !one.Sharing() {
		t.Error("limits do not count as shared again")
	}
	if log := one.log.String(); strings.Count(log, "alone") != 1 || strings.Count(log, "shared again") != 1 {
		t.Errorf("want one line for the loss and one for the return:\n%s", log)
	}
}

// awaitShared sends requests until one is counted on Redis.
func (r replica) awaitShared(t *testing.T) {
	t.Helper()
	deadline := time.After(2 * time.Minute)
	for before, _ := r.Counts(); ; ask(r, slow(1), "probe") {
		if now, _ := r.Counts(); now > before {
			return
		}
		select {
		case <-deadline:
			t.Fatal("never counted on Redis again")
		default:
		}
	}
}

// TestRedis_Hang: only the first requests wait for a Redis that hangs.
func TestRedis_Hang(t *testing.T) {
	t.Parallel()
	proxy := throwaway.NewProxy(t, throwaway.Redis(t).Addr())
	r := newReplica(t, "redis://"+proxy.Addr(), redispool.Options{Timeout: 200 * time.Millisecond, OpenFor: time.Hour})
	r.allowed(t, 1, slow(5), "a")
	proxy.Hang(true)
	r.allowed(t, 3, slow(5), "b")
	sent := proxy.Requests()
	if got := r.allowed(t, 1000, slow(5), "c"); got != 5 {
		t.Errorf("%d allowed, want 5", got)
	}
	if n := proxy.Requests() - sent; n > 3 { // those may still have been on their way
		t.Errorf("%d commands were sent to a Redis that hangs", n)
	}
}

// TestRedis_Refusing has a Redis that takes nothing.
func TestRedis_Refusing(t *testing.T) {
	t.Parallel()
	r := newReplica(t, throwaway.Redis(t, "--maxmemory", "1").URL(), patient())
	if got := r.allowed(t, 10, slow(5), "a"); got != 5 {
		t.Errorf("%d allowed, want 5", got)
	}
	if r.Sharing() {
		t.Error("limits count as shared")
	}
}

// TestRedis_ClockSetBack: what a Redis says whose clock was an hour ahead once
// locks nobody out.
func TestRedis_ClockSetBack(t *testing.T) {
	t.Parallel()
	r := newReplica(t, throwaway.Redis(t).URL(), patient())
	fast := perSecond(10, 5)
	r.allowed(t, 1, fast, "a")
	key := keyOf(testSecret(), auth.Check{Limit: fast, Key: "a"})
	full, err := r.pool.Client().Get(t.Context(), key).Int64()
	if err != nil {
		t.Fatal(err)
	}
	if err := r.pool.Client().Set(t.Context(), key, full+time.Hour.Microseconds(), time.Hour).Err(); err != nil {
		t.Fatal(err)
	}
	if got := r.allowed(t, 20, fast, "a"); got != 4 {
		t.Errorf("%d allowed, want the 4 left here", got)
	}
}

// TestRedis_RateChanged: a count of another rate or burst does not count, so that
// a changed limit neither refuses for long nor looks like a clock set back.
func TestRedis_RateChanged(t *testing.T) {
	t.Parallel()
	r := newReplica(t, throwaway.Redis(t).URL(), patient())
	r.allowed(t, 5, slow(5), "a")
	changed := slow(3)
	changed.Rate = 0.001
	if got := r.allowed(t, 10, changed, "a"); got != 3 {
		t.Errorf("%d allowed, want the whole burst of 3", got)
	}
	if !r.Sharing() || r.log.Len() > 0 {
		t.Errorf("a changed limit counts as a failure of Redis: %s", r.log)
	}
}

func TestRedis_CallerGone(t *testing.T) {
	t.Parallel()
	r := newReplica(t, throwaway.Redis(t).URL(), patient())
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 10 {
		if wait := r.Allow(gone, auth.Check{Limit: slow(5), Key: "a"}).Wait; (wait == 0) != (i < 5) {
			t.Errorf("request %d waits %v", i+1, wait)
		}
	}
	if !r.Sharing() || r.log.Len() > 0 {
		t.Errorf("a client that disconnects counts as a failure of Redis: %s", r.log)
	}
}

// TestRedis_PerReplica: no round trip for the limits of a replica's own.
func TestRedis_PerReplica(t *testing.T) {
	t.Parallel()
	proxy := throwaway.NewProxy(t, throwaway.Redis(t).Addr())
	r := newReplica(t, "redis://"+proxy.Addr(), patient())
	own := slow(5)
	own.PerReplica = true
	if got := r.allowed(t, 10, own, "a"); got != 5 {
		t.Errorf("%d allowed, want 5", got)
	}
	if n := proxy.Requests(); n != 0 {
		t.Errorf("%d commands were sent", n)
	}
	r.allowed(t, 1, slow(5), "a")
	sent := proxy.Requests()
	r.allowed(t, 10, slow(5), "a")
	if n := proxy.Requests() - sent; n != 10 {
		t.Errorf("%d round trips for 10 requests", n)
	}
}

// TestRedis_Keys: keys are bounded, and go by themselves.
func TestRedis_Keys(t *testing.T) {
	t.Parallel()
	r := newReplica(t, throwaway.Redis(t).URL(), patient())
	r.allowed(t, 1, slow(5), strings.Repeat("x", 10_000))
	r.allowed(t, 10, perSecond(10, 5), "a")
	keys, err := r.pool.Client().Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != 2 {
		t.Fatalf("keys %q, %v", keys, err)
	}
	for _, k := range keys {
		if !strings.HasPrefix(k, "rekey:limit:") || len(k) > 120 {
			t.Errorf("key %q", k)
		}
		if ttl := r.pool.Client().PTTL(t.Context(), k).Val(); ttl <= 0 {
			t.Errorf("%s stays for %v", k, ttl)
		}
	}
}

// TestRedis_KeysConcealed: nothing that is in Redis contains what is counted, or a
// hash of it that somebody without the secret can compute.
func TestRedis_KeysConcealed(t *testing.T) {
	t.Parallel()
	server := throwaway.Redis(t)
	r := newReplica(t, server.URL(), patient())
	counted := []string{
		"ada@example.com", "192.0.2.7", "ada@example.com 192.0.2.7", "2001:db8:1:2::/64",
		"0190a0b1-c2d3-7e4f-8a9b-0c1d2e3f4a5b", strings.Repeat("long", 100) + "@example.com", "",
	}
	for _, key := range counted {
		r.allowed(t, 1, slow(5), key)
	}
	keys, err := r.pool.Client().Keys(t.Context(), "*").Result()
	if err != nil || len(keys) != len(counted) {
		t.Fatalf("keys %q, %v", keys, err)
	}
	all := strings.Join(keys, "\n")
	for _, key := range counted {
		sum := sha256.Sum256([]byte(key))
		for what, text := range map[string]string{
			"it": key, "a part": strings.TrimSuffix(key, "@example.com"), "its SHA-256": hex.EncodeToString(sum[:8]),
			"its SHA-256 in base64": base64.RawURLEncoding.EncodeToString(sum[:9]),
		} {
			if text != "" && strings.Contains(all, text) {
				t.Errorf("%q: Redis has %s: %q", key, what, keys)
			}
		}
	}
}

// TestRedis_Secret: replicas with the same secret share counts. The same key under
// another limit has another MAC.
func TestRedis_Secret(t *testing.T) {
	check := auth.Check{Limit: slow(5), Key: "ada@example.com"}
	same, other := keyOf(testSecret(), check), keyOf([]byte("another secret"), check)
	if same != keyOf(testSecret(), check) || same == other {
		t.Errorf("%s, %s", same, other)
	}
	elsewhere := check
	elsewhere.Limit.Name = "other"
	mac := func(key string) string { return key[strings.LastIndex(key, ":"):] }
	if mac(same) == mac(keyOf(testSecret(), elsewhere)) {
		t.Error("two limits have the same MAC for an account")
	}
}

func BenchmarkKeyOf(b *testing.B) {
	secret := testSecret()
	b.ReportAllocs()
	for b.Loop() {
		keyOf(secret, auth.Check{Limit: slow(5), Key: "0190a0b1-c2d3-7e4f-8a9b-0c1d2e3f4a5b"})
	}
}

func TestRedis_Cluster(t *testing.T) {
	t.Parallel()
	cluster := throwaway.Cluster(t, 3, false)
	one, two := newReplica(t, cluster.URL(), patient()), newReplica(t, cluster.URL(), patient())
	for _, key := range []string{"a", "b", "c", "d", "e", "f"} {
		if got := one.allowed(t, 3, slow(5), key) + two.allowed(t, 10, slow(5), key); got != 5 {
			t.Errorf("%s: %d allowed, want 5", key, got)
		}
	}
	if _, alone := one.Counts(); alone != 0 {
		t.Errorf("%d counted alone", alone)
	}
}
