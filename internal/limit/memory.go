package limit

import (
	"context"
	"sync"
	"time"

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
	limits map[string]counts
}

// counts has the counts of one limit in two generations. When recent is full, it
// becomes old, and the previous old is dropped: with it go the keys that were
// not used for longest.
type counts struct{ recent, old map[string]int64 }

// NewMemory returns a limiter that keeps at most maxKeys keys for each limit (at
// least two). A key that it drops has its whole burst again. It panics if maxKeys
// is not positive, because memory would be unbounded.
func NewMemory(maxKeys int, now func() time.Time) *Memory {
	if maxKeys <= 0 {
		panic("limit: maxKeys must be positive")
	}
	return &Memory{maxKeys: maxKeys, now: now, start: now(), limits: map[string]counts{}}
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
	full, recent := keys.recent[key]
	if !recent {
		full = keys.old[key]
		if keys.recent == nil || len(keys.recent) >= (m.maxKeys+1)/2 {
			keys.recent, keys.old = map[string]int64{}, keys.recent
			m.limits[c.Limit.Name] = keys
		}
	}
	next, wait := r.count(full, now)
	keys.recent[key] = next
	if wait > 0 {
		return refused(c.Limit, wait)
	}
	return r.allowed(c.Limit, next-now)
}
