package limit

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"rekey/internal/auth"
	"rekey/internal/redispool"
)

// Redis counts requests on Redis, with one budget for all replicas. If Redis
// does not answer in time, it counts them in memory. It is safe for concurrent
// use.
type Redis struct {
	pool   *redispool.Pool
	script *redis.Script
	secret func() []byte
	local  *Memory
	health health

	onRedis, inMemory atomic.Uint64
}

// NewRedis returns a limiter on Redis. It falls back to local, and uses only
// local for limits that each replica counts for itself. secret returns the key of
// the MACs that stand for addresses, accounts and sessions in Redis. It must be
// the same on all replicas; when it changes, counts start again.
func NewRedis(pool *redispool.Pool, secret func() []byte, local *Memory, log *slog.Logger) *Redis {
	return &Redis{
		pool: pool, script: redis.NewScript(clockLua + countLua), secret: secret, local: local,
		health: health{now: local.now, log: log},
	}
}

// Allow implements [auth.Limiter]. It takes one round trip, whatever the number
// of checks. Requests that Redis allows are counted in memory, too, so that
// losing Redis does not give a known key a second burst.
func (r *Redis) Allow(ctx context.Context, checks ...auth.Check) auth.Refusal {
	if checks[0].Limit.PerReplica {
		return r.local.Allow(ctx, checks...)
	}
	quotas, err := r.count(ctx, checks)
	if ctx.Err() == nil { // a cancelled request says nothing about Redis
		r.health.update(ctx, err)
	}
	if err != nil {
		r.inMemory.Add(1)
		return r.local.Allow(ctx, checks...)
	}
	r.onRedis.Add(1)
	for i, q := range quotas {
		if refusal := report(ctx, q); refusal.Wait > 0 {
			return refusal
		}
		r.local.count(checks[i])
	}
	return auth.Refusal{}
}

// clockLua sets now to Redis' clock, in microseconds, so that the replicas'
// clocks do not matter.
const clockLua = `
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
`

// countLua does the arithmetic of [rate.count] for each of KEYS, in order. ARGV
// is interval and burst of each. It returns a number for each key that it
// counted: after how long the whole burst is available again, or, negative, how
// long the request must wait. It stops at the first one that must wait. A key
// expires when its whole burst is available.
const countLua = `
local answer = {}
for i, key in ipairs(KEYS) do
  local interval, burst = tonumber(ARGV[2 * i - 1]), tonumber(ARGV[2 * i])
  local next = math.max(tonumber(redis.call('GET', key)) or 0, now) + interval
  local wait = next - burst * interval - now
  if wait > 0 then
    answer[i] = -wait
    break
  end
  redis.call('SET', key, string.format('%.0f', next), 'PX', math.ceil((next - now) / 1000))
  answer[i] = next - now
end
return answer
`

// macBytes is the length of a MAC in a key. Two keys that share a count by chance
// do not matter.
const macBytes = 16

// keyOf returns the key of a check. A MAC stands for what is counted, so that
// nobody who reads Redis learns or guesses e-mail addresses, client addresses and
// sessions. The keys of a group share a hash tag, so one script can read them in a
// cluster, too. A count is valid only for the rate that it was counted with, so
// that the rate is part of the key.
func keyOf(secret []byte, c auth.Check) string {
	prefix := "rekey:limit:"
	if c.Limit.Group != "" {
		prefix += "{" + c.Limit.Group + "}:"
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte("rekey limit " + c.Limit.Name + " ")) // other MACs under the secret begin otherwise
	mac.Write([]byte(c.Key))
	rate := rateOf(c.Limit)
	return prefix + c.Limit.Name + ":" + strconv.FormatInt(rate.burst, 10) + "x" + strconv.FormatInt(rate.interval, 10) + ":" +
		base64.RawURLEncoding.EncodeToString(mac.Sum(nil)[:macBytes])
}

// errSkewed is returned for a wait that is possible only if Redis' clock was set
// back. Obeying it could lock somebody out for as long.
var errSkewed = errors.New("the clock of Redis was set back")

// count returns the quotas up to the first refusal.
func (r *Redis) count(ctx context.Context, checks []auth.Check) ([]auth.Quota, error) {
	ctx, cancel := r.pool.Brief(ctx)
	defer cancel()
	secret := r.secret()
	keys, args := make([]string, len(checks)), make([]any, 0, 2*len(checks))
	for i, c := range checks {
		rate := rateOf(c.Limit)
		keys[i], args = keyOf(secret, c), append(args, rate.interval, rate.burst)
	}
	answer, err := r.script.Run(ctx, r.pool.Client(), keys, args...).Int64Slice()
	if err != nil {
		return nil, fmt.Errorf("counting requests on redis: %w", err)
	}
	quotas := make([]auth.Quota, len(answer))
	for i, n := range answer {
		l := checks[i].Limit
		switch rate := rateOf(l); {
		case -n > rate.interval:
			return nil, errSkewed
		case n < 0:
			quotas[i] = refused(l, -n)
		default:
			quotas[i] = rate.allowed(l, n)
		}
	}
	return quotas, nil
}

// Counts returns how many calls were counted on Redis, and how many in memory
// because Redis failed; for a metric.
func (r *Redis) Counts() (onRedis, inMemory uint64) { return r.onRedis.Load(), r.inMemory.Load() }

// Sharing reports whether the replicas share their budgets; for readiness. If
// they do not, each replica limits for itself.
func (r *Redis) Sharing() bool { return !r.health.failing.Load() }

// settleFor is how long counting on Redis must work before the log reports that
// it works again. Failures at short intervals are one line in the log.
const settleFor = 10 * time.Second

// health records whether counting on Redis fails, and logs the beginning and the
// end.
type health struct {
	now func() time.Time
	log *slog.Logger

	failing atomic.Bool
	mu      sync.Mutex // for changes
	last    time.Time  // when counting last failed
}

func (h *health) update(ctx context.Context, err error) {
	if err == nil && !h.failing.Load() {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	now := h.now()
	switch {
	case err != nil:
		h.last = now
		if !h.failing.Swap(true) {
			h.log.WarnContext(ctx, "rate limits not shared: redis does not count; this replica counts alone", "error", err)
		}
	case now.Sub(h.last) >= settleFor && h.failing.Swap(false):
		h.log.InfoContext(ctx, "rate limits shared again: redis counts")
	}
}
