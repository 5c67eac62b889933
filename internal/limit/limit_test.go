package limit

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/auth"
	"rekey/internal/redispool"
	"rekey/internal/test/logcheck"
	"rekey/internal/test/throwaway"
)

func TestMain(m *testing.M) { os.Exit(throwaway.Main(m)) }

// ask counts one request, and returns how long it must wait.
func ask(l auth.Limiter, limit auth.Limit, key string) time.Duration {
	return l.Allow(context.Background(), auth.Check{Limit: limit, Key: key}).Wait
}

// engine is a limiter on a clock that the test sets.
type engine func(at time.Duration, checks ...auth.Check) (auth.Refusal, []auth.Quota)

func newMemoryEngine() engine {
	c := newClock()
	start, l := c.t, NewMemory(1000, c.now)
	return func(at time.Duration, checks ...auth.Check) (auth.Refusal, []auth.Quota) {
		c.t = start.Add(at)
		ctx := request()
		refusal := l.Allow(ctx, checks...)
		return refusal, auth.QuotasFrom(ctx).Noted()
	}
}

// newRedisEngine replaces the clock of Redis in the script. The time to live of
// its keys is real time, so tests use limits that are slow.
func newRedisEngine(t *testing.T, url string) engine {
	pool, err := redispool.Open(redispool.Options{URL: url, Timeout: time.Minute, Logger: logcheck.Logger(t)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = pool.Close() })
	c := newClock()
	start, l := c.t, NewRedis(pool, testSecret, NewMemory(1000, c.now), logcheck.Logger(t))
	return func(at time.Duration, checks ...auth.Check) (auth.Refusal, []auth.Quota) {
		l.script = redis.NewScript(fmt.Sprintf("local now = %d\n", start.Add(at).UnixMicro()) + countLua)
		ctx := request()
		refusal := l.Allow(ctx, checks...)
		if _, inMemory := l.Counts(); inMemory > 0 {
			t.Fatal("redis did not count")
		}
		return refusal, auth.QuotasFrom(ctx).Noted()
	}
}

// engines returns every engine: memory, Redis, and a Redis cluster.
func engines(t *testing.T) map[string]engine {
	return map[string]engine{
		"Memory":  newMemoryEngine(),
		"Redis":   newRedisEngine(t, throwaway.Redis(t).URL()),
		"Cluster": newRedisEngine(t, throwaway.Cluster(t, 3, false).URL()),
	}
}

// TestGCRA runs one table on every engine: which requests are allowed, how many
// more may follow, and how long the others must wait.
func TestGCRA(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	type step struct {
		at    time.Duration
		left  int
		reset time.Duration // or, if refused, how long to wait
		wait  bool
	}
	for name, engine := range engines(t) {
		for _, tt := range []struct {
			name  string
			rate  float64
			burst int
			steps []step
		}{
			{"BurstThenRate", 1. / 60, 3, []step{
				{0, 2, time.Minute, false},
				{0, 1, 2 * time.Minute, false},
				{0, 0, 3 * time.Minute, false},
				{0, 0, time.Minute, true},
				{59 * time.Second, 0, time.Second, true}, // refusals do not count
				{time.Minute, 0, 3 * time.Minute, false},
				{time.Minute, 0, time.Minute, true},
			}},
			{"PartOfAnInterval", 1. / 60, 3, []step{
				{0, 2, time.Minute, false},
				{30 * time.Second, 1, 90 * time.Second, false},
				{30 * time.Second, 0, 150 * time.Second, false},
				{30 * time.Second, 0, 30 * time.Second, true},
			}},
			{"WholeBurstAfterARest", 1. / 60, 2, []step{
				{0, 1, time.Minute, false},
				{time.Minute, 1, time.Minute, false},
				{day, 1, time.Minute, false},
				{day, 0, 2 * time.Minute, false},
				{day, 0, time.Minute, true},
			}},
			{"Microseconds", 0.007, 2, []step{
				{0, 1, 142857143 * time.Microsecond, false},
				{time.Microsecond, 0, 285714285 * time.Microsecond, false},
				{2 * time.Microsecond, 0, 142857141 * time.Microsecond, true},
			}},
			{"LargestBurst", 0, 1 << 40, []step{{0, 9999, day, false}, {0, 9998, 2 * day, false}}},
			{"ZeroRate", 0, 1, []step{{0, 0, day, false}, {0, 0, day, true}}},
			{"NegativeRate", -1, 1, []step{{0, 0, day, false}, {time.Hour, 0, 23 * time.Hour, true}}},
			{"NotANumber", math.NaN(), 1, []step{{0, 0, day, false}, {0, 0, day, true}}},
			{"ZeroBurst", 1. / 60, 0, []step{{0, 0, time.Minute, false}, {0, 0, time.Minute, true}}},
			{"NegativeBurst", 1. / 60, -5, []step{{0, 0, time.Minute, false}, {0, 0, time.Minute, true}}},
		} {
			t.Run(name+"/"+tt.name, func(t *testing.T) {
				l := auth.Limit{Name: tt.name, Rate: tt.rate, Burst: tt.burst}
				for i, s := range tt.steps {
					refusal, got := engine(s.at, auth.Check{Limit: l, Key: "a"})
					if len(got) != 1 || got[0].Remaining != s.left || got[0].Reset != s.reset || got[0].Refused != s.wait {
						t.Errorf("step %d: %+v, want %+v", i, got, s)
					}
					if (refusal.Wait > 0) != s.wait || s.wait && (refusal.Wait != s.reset || refusal.Limit.Name != l.Name) {
						t.Errorf("step %d: refusal %+v, want %+v", i, refusal, s)
					}
				}
			})
		}
	}
}

// TestGCRA_Order checks several limits in one call: a request counts under the
// limits before the one that refuses, and under no other.
func TestGCRA_Order(t *testing.T) {
	t.Parallel()
	limitOf := func(name string, burst int) auth.Limit {
		return auth.Limit{Name: name, Rate: 1. / 3600, Burst: burst, Group: "group"}
	}
	first, second, third := limitOf("first", 9), limitOf("second", 2), limitOf("third", 9)
	for name, engine := range engines(t) {
		t.Run(name, func(t *testing.T) {
			checks := []auth.Check{{Limit: first, Key: "a"}, {Limit: second, Key: "b c"}, {Limit: third, Key: "{d}"}}
			for i := range 5 {
				refusal, quotas := engine(0, checks...)
				if i < 2 && (refusal.Wait != 0 || len(quotas) != 3) {
					t.Errorf("request %d: %+v, %+v, want none refused", i, refusal, quotas)
				}
				if i >= 2 && (refusal.Limit != second || refusal.Wait != time.Hour || len(quotas) != 2) {
					t.Errorf("request %d: %+v, %+v, want the second limit to refuse", i, refusal, quotas)
				}
			}
			for i, left := range []int{9 - 5 - 1, 0, 9 - 2 - 1} {
				if _, q := engine(0, checks[i]); q[0].Remaining != left || q[0].Refused != (left == 0) {
					t.Errorf("%s: %+v, want %d left", checks[i].Limit.Name, q[0], left)
				}
			}
		})
	}
}

// TestGCRA_Equal sends random requests to memory and to Redis, and compares all
// answers.
func TestGCRA_Equal(t *testing.T) {
	t.Parallel()
	memory, onRedis := newMemoryEngine(), newRedisEngine(t, throwaway.Redis(t).URL())
	random := rand.New(rand.NewPCG(1, 2))
	at := time.Duration(0)
	for i := range 2000 {
		n := random.IntN(5)
		l := auth.Limit{Name: fmt.Sprint(n), Rate: 1 / (1000*float64(n) + 777.7), Burst: 1 + n}
		check := auth.Check{Limit: l, Key: fmt.Sprint(random.IntN(3))}
		at += time.Duration(random.Int64N(int64(200 * time.Second)))
		_, want := memory(at, check)
		if _, got := onRedis(at, check); !reflect.DeepEqual(got, want) {
			t.Fatalf("request %d after %v: redis %+v, memory %+v", i, at, got, want)
		}
	}
}

func TestBounded(t *testing.T) {
	if got := bounded("192.0.2.1"); got != "192.0.2.1" {
		t.Errorf("a short key became %q", got)
	}
	long := strings.Repeat("x", 10_000)
	hashed := bounded(long)
	if len(hashed) > 80 {
		t.Errorf("a long key is kept with %d bytes", len(hashed))
	}
	if hashed == bounded(long+"y") {
		t.Error("two long keys share one count")
	}
	if bounded(hashed) == hashed {
		t.Error("a key can be spelt that shares another one's count")
	}
}
