package limit

import (
	"context"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"rekey/internal/auth"
)

// Memory counts requests in this process. It is safe for concurrent use.
type Memory struct {
	maxKeys int
	now     func() time.Time
	start   time.Time // counts use the time since then, which is monotonic

	mu sync.Mutex
	// limits has the counts of each limit by its name. Each limit has its own
	// bound, so that many keys under one limit do not evict those of another.
	limits map[string]*simplelru.LRU[string, int64]
}

// NewMemory returns a limiter that keeps at most maxKeys keys for each limit. It
// evicts the least recently used key, which then has its whole burst again. It
// panics if maxKeys is not positive, because memory would be unbounded.
func NewMemory(maxKeys int, now func() time.Time) *Memory {
	if maxKeys <= 0 {
		panic("limit: maxKeys must be positive")
	}
	return &Memory{maxKeys: maxKeys, now: now, start: now(), limits: map[string]*simplelru.LRU[string, int64]{}}
}

// Allow implements [auth.Limiter].
func (m *Memory) Allow(ctx context.Context, checks ...auth.Check) auth.Refusal {
	for _, c := range checks {
		if r := report(ctx, m.count(c)); r.Wait > 0 {
			return r
		}
	}
	return auth.Refusal{}
}

func (m *Memory) count(c auth.Check) auth.Quota {
	r, key := rateOf(c.Limit), bounded(c.Key)
	m.mu.Lock()
	defer m.mu.Unlock()
	now := m.now().Sub(m.start).Microseconds()
	keys := m.limits[c.Limit.Name]
	if keys == nil {
		keys, _ = simplelru.NewLRU[string, int64](m.maxKeys, nil) // fails only if the size is not positive
		m.limits[c.Limit.Name] = keys
	}
	full, _ := keys.Get(key)
	next, wait := r.count(full, now)
	if wait > 0 {
		return refused(c.Limit, wait)
	}
	keys.Add(key, next)
	return r.allowed(c.Limit, next-now)
}
