package limit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/throttled/throttled/v2"
	"github.com/throttled/throttled/v2/store/memstore"

	"rekey/internal/auth"
)

var (
	_ auth.Limiter = (*Limiter)(nil)
	_ auth.Limiter = Off{}
)

const (
	// maxKeyBytes is the longest key kept as it is; a longer one is hashed.
	maxKeyBytes = 64
	// maxInterval bounds the time between two requests, so that a rate near
	// zero times a burst stays within a time.Duration.
	maxInterval = 24 * time.Hour
	maxBurst    = 10_000
	// maxSwaps bounds the retries of one count. A lost swap means that another
	// request won, so retries end by themselves; throttled's default of 10
	// would give up on a key that is hit by many requests at once.
	maxSwaps = 1 << 20
)

// Off never limits.
type Off struct{}

// Allow returns zero.
func (Off) Allow(context.Context, auth.Limit, string) time.Duration { return 0 }

// Limiter counts requests in memory. It is safe for concurrent use.
type Limiter struct {
	maxKeys int
	now     func() time.Time
	mu      sync.RWMutex
	rates   map[auth.Limit]*rate
}

// NewMemory returns a Limiter that remembers at most maxKeys keys of each
// limit; beyond that the least recently used one is forgotten, as if it had
// never been seen. It panics when maxKeys is not positive: memory would be
// without bound.
func NewMemory(maxKeys int, now func() time.Time) *Limiter {
	if maxKeys <= 0 {
		panic("limit: maxKeys must be positive")
	}
	return &Limiter{maxKeys: maxKeys, now: now, rates: map[auth.Limit]*rate{}}
}

// Allow counts one request of key under limit. It returns zero when the
// request may go on, else how long to wait until one may. A limit whose rate
// is not positive lets one burst through and then one request a day.
func (l *Limiter) Allow(ctx context.Context, limit auth.Limit, key string) time.Duration {
	return told(ctx, l.count(ctx, limit, key))
}

func (l *Limiter) count(ctx context.Context, limit auth.Limit, key string) auth.Quota {
	q := auth.Quota{Limit: limit}
	q.Remaining, q.Reset, q.Refused = l.rate(limit).allow(ctx, bounded(key))
	return q
}

// told notes what a count came to, and returns how long the request must wait.
func told(ctx context.Context, q auth.Quota) time.Duration {
	auth.NoteQuota(ctx, q)
	if q.Refused {
		return q.Reset
	}
	return 0
}

// rate returns the limit's counter, made at its first use.
func (l *Limiter) rate(limit auth.Limit) *rate {
	if math.IsNaN(limit.Rate) {
		limit.Rate = 0 // NaN is no map key: it equals nothing
	}
	l.mu.RLock()
	r := l.rates[limit]
	l.mu.RUnlock()
	if r != nil {
		return r
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if r = l.rates[limit]; r == nil {
		r = newRate(limit, l.maxKeys, l.now)
		l.rates[limit] = r
	}
	return r
}

// rate counts the requests of one limit. Each has a store of its own, so that
// a flood of keys under one limit cannot make another one forget.
type rate struct {
	gcra     throttled.RateLimiterCtx
	interval time.Duration
}

func newRate(limit auth.Limit, maxKeys int, now func() time.Time) *rate {
	store, err := memstore.New(maxKeys)
	if err != nil {
		panic(fmt.Sprintf("limit: making the store: %v", err)) // only for maxKeys < 0
	}
	store.SetTimeNow(now)
	interval := intervalOf(limit.Rate)
	gcra, err := throttled.NewGCRARateLimiterCtx(throttled.WrapStoreWithContext(store), throttled.RateQuota{
		MaxRate:  throttled.PerDuration(1, interval),
		MaxBurst: burstOf(limit) - 1, // those beyond the first
	})
	if err != nil {
		panic(fmt.Sprintf("limit: making the limiter: %v", err)) // only for an interval <= 0
	}
	gcra.SetMaxCASAttemptsLimit(maxSwaps)
	return &rate{gcra: gcra, interval: interval}
}

// allow counts one request. When counting fails, the request waits: a limiter
// that cannot count must not let a guesser through.
func (r *rate) allow(ctx context.Context, key string) (left int, reset time.Duration, refused bool) {
	limited, result, err := r.gcra.RateLimitCtx(ctx, key, 1)
	switch {
	case err != nil:
		return 0, r.interval, true
	case limited:
		return 0, max(result.RetryAfter, 1), true
	}
	return result.Remaining, result.ResetAfter, false
}

// burstOf is how many requests a limit lets through at once.
func burstOf(l auth.Limit) int { return min(max(l.Burst, 1), maxBurst) }

// intervalOf is the time between two requests at a rate a second.
func intervalOf(perSecond float64) time.Duration {
	if math.IsNaN(perSecond) || perSecond <= 1/maxInterval.Seconds() {
		return maxInterval
	}
	return max(time.Duration(float64(time.Second)/perSecond), 1)
}

// bounded returns a key of bounded length. A hashed key is longer than any that
// is kept as it is, so the two cannot be taken for one another.
func bounded(key string) string {
	if len(key) <= maxKeyBytes {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}
