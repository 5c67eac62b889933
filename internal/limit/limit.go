// Package limit counts requests and returns how long the next one must wait. It
// implements auth.Limiter: in memory for one process, and on Redis for all
// replicas, with memory as the fallback.
//
// It does not know what is limited, how keys are chosen, or how a transport
// words the refusal. The core and the transports decide that.
package limit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"math"
	"time"

	"rekey/internal/auth"
)

var (
	_ auth.Limiter = Off{}
	_ auth.Limiter = (*Memory)(nil)
	_ auth.Limiter = (*Redis)(nil)
)

// Off never limits.
type Off struct{}

// Allow returns the zero Refusal.
func (Off) Allow(context.Context, ...auth.Check) auth.Refusal { return auth.Refusal{} }

// rate is a limit in whole microseconds: burst requests at once, then one every
// interval. Lua's numbers represent all times and products that occur exactly.
type rate struct{ interval, burst int64 }

const (
	// maxInterval bounds the time between two requests. A limit whose rate is
	// not positive allows one burst and then one request a day.
	maxInterval = 24 * time.Hour
	maxBurst    = 10_000
)

func rateOf(l auth.Limit) rate {
	interval := float64(maxInterval.Microseconds())
	if l.Rate > 1/maxInterval.Seconds() { // false for NaN
		interval = max(math.Round(1e6/l.Rate), 1)
	}
	return rate{interval: int64(interval), burst: int64(min(max(l.Burst, 1), maxBurst))}
}

// count is the generic cell rate algorithm, which needs one number for each key:
// full, the time at which the whole burst is available again (zero for a new
// key). It returns the next value of full, or, unless wait is zero, how long the
// request must wait. A refused request changes nothing. [countLua] is the same
// arithmetic.
func (r rate) count(full, now int64) (next, wait int64) {
	next = max(full, now) + r.interval
	if wait = next - r.burst*r.interval - now; wait > 0 {
		return full, wait
	}
	return next, 0
}

// allowed returns the quota after a request that was allowed. The whole burst is
// available again after reset.
func (r rate) allowed(l auth.Limit, reset int64) auth.Quota {
	return auth.Quota{Limit: l, Remaining: int(r.burst - (reset+r.interval-1)/r.interval), Reset: microseconds(reset)}
}

func refused(l auth.Limit, wait int64) auth.Quota {
	return auth.Quota{Limit: l, Reset: microseconds(wait), Refused: true}
}

func microseconds(n int64) time.Duration { return time.Duration(n) * time.Microsecond }

// report adds a quota to those of the request, and returns its refusal, if any.
func report(ctx context.Context, q auth.Quota) auth.Refusal {
	auth.NoteQuota(ctx, q)
	if q.Refused {
		return auth.Refusal{Limit: q.Limit, Wait: q.Reset}
	}
	return auth.Refusal{}
}

// maxKeyBytes is the length of the longest key that is used as it is.
const maxKeyBytes = 64

// bounded returns a key of bounded length: it hashes long keys. A hash is longer
// than maxKeyBytes, so it never equals a key that is used as it is.
func bounded(key string) string {
	if len(key) <= maxKeyBytes {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}
