package limit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/go-redis/redis_rate/v10"

	"rekey/internal/auth"
	"rekey/internal/redispool"
)

var _ auth.Limiter = (*Shared)(nil)

const (
	// prefix is before every key. redis_rate puts "rate:" before it.
	prefix = "rekey:"
	// settleFor is how long counting on Redis must have worked before the log
	// says that it works again: trouble now and then is one line, not many.
	settleFor = 10 * time.Second
)

// Shared counts requests on Redis, one budget for all replicas, and in memory
// whenever Redis does not count in time: at once, and never without a limit.
// It is safe for concurrent use.
type Shared struct {
	pool          *redispool.Pool
	counts        *redis_rate.Limiter
	local         *Limiter
	trouble       *trouble
	shared, alone atomic.Uint64
}

// NewShared returns a Limiter on Redis that falls back to local, and leaves the
// limits that are a replica's own to it.
func NewShared(pool *redispool.Pool, local *Limiter, log *slog.Logger) *Shared {
	return &Shared{
		pool: pool, counts: redis_rate.NewLimiter(pool), local: local,
		trouble: &trouble{now: local.now, log: log},
	}
}

// Allow counts one request of key under limit, as [Limiter.Allow] does. What
// Redis allows is counted in memory too: the loss of Redis gives nobody who has
// been here a second burst.
func (s *Shared) Allow(ctx context.Context, limit auth.Limit, key string) time.Duration {
	if limit.PerReplica {
		return s.local.Allow(ctx, limit, key)
	}
	q, err := s.ask(ctx, limit, key)
	if ctx.Err() == nil { // a caller that went away says nothing of Redis
		s.trouble.note(ctx, err)
	}
	if err != nil {
		s.alone.Add(1)
		return s.local.Allow(ctx, limit, key)
	}
	s.shared.Add(1)
	if !q.Refused {
		s.local.count(ctx, limit, key)
	}
	return told(ctx, q)
}

// errAstray is an answer that only a clock that was set back can give. Obeying
// it could lock somebody out for as long as it was set back.
var errAstray = errors.New("the wait is longer than the limit's interval")

// ask counts one request on Redis, by Redis' clock, in one round trip.
func (s *Shared) ask(ctx context.Context, limit auth.Limit, key string) (auth.Quota, error) {
	ctx, cancel := s.pool.Brief(ctx)
	defer cancel()
	interval := intervalOf(limit.Rate)
	answer, err := s.counts.Allow(ctx, prefix+limit.Name+":"+bounded(key), redis_rate.Limit{
		Rate: 1, Period: interval, Burst: burstOf(limit),
	})
	switch {
	case err != nil:
		return auth.Quota{}, fmt.Errorf("count on Redis: %w", err)
	case answer.Allowed > 0:
		return auth.Quota{Limit: limit, Remaining: answer.Remaining, Reset: answer.ResetAfter}, nil
	case answer.RetryAfter > interval+time.Second:
		return auth.Quota{}, errAstray
	}
	return auth.Quota{Limit: limit, Reset: max(answer.RetryAfter, 1), Refused: true}, nil
}

// Counts returns how many requests were counted on Redis, and how many in
// memory because Redis did not; for a metric.
func (s *Shared) Counts() (shared, alone uint64) { return s.shared.Load(), s.alone.Load() }

// Sharing reports whether limits are shared; for readiness. That they are not
// is no failure: each replica then limits for itself.
func (s *Shared) Sharing() bool { return !s.trouble.on.Load() }

// trouble remembers whether counting on Redis fails, and logs its begin and end.
type trouble struct {
	now func() time.Time
	log *slog.Logger

	on   atomic.Bool
	mu   sync.Mutex // for changes
	last time.Time  // when counting last failed
}

// note takes in what one count came to.
func (t *trouble) note(ctx context.Context, err error) {
	if err == nil && !t.on.Load() {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	now := t.now()
	switch {
	case err != nil:
		t.last = now
		if !t.on.Swap(true) {
			t.log.WarnContext(ctx, "rate limits are counted by this replica alone", "error", err)
		}
	case now.Sub(t.last) >= settleFor && t.on.Swap(false):
		t.log.InfoContext(ctx, "rate limits are shared again")
	}
}
