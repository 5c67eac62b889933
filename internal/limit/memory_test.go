package limit

import (
	"context"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/auth"
)

// clock stands still until it is moved.
type clock struct{ t time.Time }

func newClock() *clock { return &clock{time.Date(2021, 11, 14, 12, 22, 28, 0, time.UTC)} }

func (c *clock) now() time.Time       { return c.t }
func (c *clock) move(d time.Duration) { c.t = c.t.Add(d) }

func perSecond(rate float64, burst int) auth.Limit {
	return auth.Limit{Name: "test", Rate: rate, Burst: burst}
}

func TestMemory_Allow(t *testing.T) {
	ten := perSecond(10, 30)

	t.Run("BurstThenRate", func(t *testing.T) {
		c := newClock()
		l := NewMemory(100, c.now)
		for i := range 30 {
			if wait := ask(l, ten, "a"); wait != 0 {
				t.Fatalf("request %d of the burst waits %v", i+1, wait)
			}
		}
		for range 5 {
			if wait := ask(l, ten, "a"); wait != 100*time.Millisecond {
				t.Fatalf("after the burst wait = %v, want 100ms: a refusal must not count", wait)
			}
			c.move(100 * time.Millisecond)
			if wait := ask(l, ten, "a"); wait != 0 {
				t.Fatalf("after waiting, wait = %v", wait)
			}
		}
	})

	t.Run("RetryAfterShrinks", func(t *testing.T) {
		c := newClock()
		l := NewMemory(100, c.now)
		slow := perSecond(0.2, 1)
		ask(l, slow, "a")
		c.move(2 * time.Second)
		if wait := ask(l, slow, "a"); wait != 3*time.Second {
			t.Errorf("wait = %v, want the remaining 3s of 5s", wait)
		}
	})

	t.Run("BurstComesBack", func(t *testing.T) {
		c := newClock()
		l := NewMemory(100, c.now)
		exhaust(l, ten, "a")
		c.move(time.Hour)
		if got := exhaust(l, ten, "a"); got != 30 {
			t.Errorf("%d allowed after a rest, want 30", got)
		}
	})

	t.Run("KeysAreApart", func(t *testing.T) {
		l := NewMemory(100, newClock().now)
		exhaust(l, ten, "a")
		if got := exhaust(l, ten, "b"); got != 30 {
			t.Errorf("%d of another key allowed, want 30", got)
		}
	})

	t.Run("LimitsAreApart", func(t *testing.T) {
		l := NewMemory(100, newClock().now)
		exhaust(l, ten, "a")
		other := auth.Limit{Name: "other", Rate: 10, Burst: 3}
		if got := exhaust(l, other, "a"); got != 3 {
			t.Errorf("%d under another limit allowed, want 3", got)
		}
	})
}

func TestMemory_Eviction(t *testing.T) {
	one := perSecond(1, 1)

	t.Run("LeastRecentlyUsedIsForgotten", func(t *testing.T) {
		l := NewMemory(2, newClock().now)
		ask(l, one, "a")
		ask(l, one, "b")
		ask(l, one, "a") // refused, yet used
		ask(l, one, "c")
		if ask(l, one, "a") == 0 {
			t.Error("a was forgotten, though b was used longer ago")
		}
		if ask(l, one, "b") != 0 {
			t.Error("b is still remembered: more than two keys are kept")
		}
	})

	t.Run("AFloodUnderOneLimitLeavesTheOthers", func(t *testing.T) {
		l := NewMemory(2, newClock().now)
		account := auth.Limit{Name: "login_account", Rate: 1, Burst: 1}
		ask(l, account, "victim")
		for i := range 100 {
			ask(l, one, strconv.Itoa(i))
		}
		if ask(l, account, "victim") == 0 {
			t.Error("keys under another limit made the account's count forgotten")
		}
	})
}

func TestMemory_Concurrency(t *testing.T) {
	l := NewMemory(100, newClock().now)
	var allowed atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for range 50 {
				if ask(l, perSecond(10, 1000), "hot") == 0 {
					allowed.Add(1)
				}
			}
		})
	}
	wg.Wait()
	if got := allowed.Load(); got != 1000 {
		t.Errorf("%d of 3200 simultaneous requests allowed, want exactly the burst of 1000", got)
	}
}

func TestMemory_OddLimits(t *testing.T) {
	for name, tc := range map[string]struct {
		limit auth.Limit
		want  int
	}{
		"ZeroRate":      {perSecond(0, 2), 2},
		"NegativeRate":  {perSecond(-1, 2), 2},
		"NoNumber":      {perSecond(math.NaN(), 2), 2},
		"ZeroBurst":     {perSecond(1, 0), 1},
		"NegativeBurst": {perSecond(1, -5), 1},
	} {
		t.Run(name, func(t *testing.T) {
			l := NewMemory(10, newClock().now)
			if got := exhaust(l, tc.limit, "a"); got != tc.want {
				t.Errorf("%d allowed, want %d", got, tc.want)
			}
			if len(l.limits) != 1 {
				t.Errorf("%d counters for one limit", len(l.limits))
			}
		})
	}
	t.Run("InfiniteRate", func(t *testing.T) {
		c := newClock()
		l := NewMemory(10, c.now)
		exhaust(l, perSecond(math.Inf(1), 1), "a")
		c.move(time.Microsecond)
		if wait := ask(l, perSecond(math.Inf(1), 1), "a"); wait != 0 {
			t.Errorf("wait = %v under an infinite rate", wait)
		}
	})
}

func TestNewMemory(t *testing.T) {
	defer func() {
		if recover() == nil {
			t.Error("a limiter without bound was made")
		}
	}()
	NewMemory(0, newClock().now)
}

func TestOff_Allow(t *testing.T) {
	for range 1000 {
		if wait := ask(Off{}, perSecond(1, 1), "a"); wait != 0 {
			t.Fatalf("wait = %v", wait)
		}
	}
}

// exhaust sends requests until one is refused, and returns how many were not.
func exhaust(l auth.Limiter, limit auth.Limit, key string) int {
	for n := range 2000 {
		if ask(l, limit, key) != 0 {
			return n
		}
	}
	return -1
}

// request returns the context of a request, in which limiters record their counts.
func request() context.Context {
	return auth.WithClient(context.Background(), auth.Client{Address: "192.0.2.1"})
}

func TestMemory_Quota(t *testing.T) {
	l := NewMemory(100, newClock().now)
	two := auth.Limit{Name: "two", Rate: 0.5, Burst: 2}
	want := []auth.Quota{
		{Limit: two, Remaining: 1, Reset: 2 * time.Second},
		{Limit: two, Remaining: 0, Reset: 4 * time.Second},
		{Limit: two, Reset: 2 * time.Second, Refused: true},
	}
	for i, q := range want {
		ctx := request()
		l.Allow(ctx, auth.Check{Limit: two, Key: "a"})
		if got := auth.QuotasFrom(ctx).Noted(); len(got) != 1 || got[0] != q {
			t.Errorf("request %d: %+v, want %+v", i+1, got, q)
		}
	}
	for name, tt := range map[string]struct {
		limit auth.Limit
		told  []bool // of requests in turn
	}{
		"Private":    {auth.Limit{Name: "x", Rate: 1, Burst: 1, Private: true}, []bool{false, false}},
		"PerReplica": {auth.Limit{Name: "y", Rate: 1, Burst: 1, PerReplica: true}, []bool{false, true}},
	} {
		for i, told := range tt.told {
			ctx := request()
			l.Allow(ctx, auth.Check{Limit: tt.limit, Key: "a"})
			if got := auth.QuotasFrom(ctx).Noted(); (len(got) > 0) != told {
				t.Errorf("%s, request %d: %+v", name, i+1, got)
			}
		}
	}
}
