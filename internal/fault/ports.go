//go:build faults

package fault

import (
	"context"

	"rekey/internal/auth"
)

// wrap puts the failpoints of the core's side before its ports.
func (p points) wrap(o auth.Options) auth.Options {
	o.Limiter = pointLimiter{o.Limiter}
	o.Blacklist = pointBlacklist{o.Blacklist, p}
	o.Store = pointStore{o.Store, p}
	return o
}

// refreshLimit is the name of the limit that only refresh tokens count under.
const refreshLimit = "refresh"

// pointLimiter finds out that a request is a refresh: its token has verified,
// and it is the core's first call with the request's context.
type pointLimiter struct{ auth.Limiter }

// Allow implements [auth.Limiter].
func (l pointLimiter) Allow(ctx context.Context, checks ...auth.Check) auth.Refusal {
	refusal := l.Limiter.Allow(ctx, checks...)
	if r := requestFrom(ctx); r != nil && refusal.Wait == 0 && checks[0].Limit.Name == refreshLimit {
		r.refresh.Store(true)
	}
	return refusal
}

type pointBlacklist struct {
	auth.Blacklist
	points points
}

// Invalidate implements [auth.Blacklist].
func (b pointBlacklist) Invalidate(ctx context.Context, invalidations ...auth.Invalidation) error {
	// An invalidation without a secret is for a whole session, after reuse.
	if r := requestFrom(ctx); r != nil && r.refresh.Load() && len(invalidations) > 0 && invalidations[0].Secret != nil {
		b.points.hit(beforeNote)
	}
	return b.Blacklist.Invalidate(ctx, invalidations...)
}

// pointStore needs no mark: only a refresh rotates.
type pointStore struct {
	auth.Store
	points points
}

// Rotate implements [auth.Store].
func (s pointStore) Rotate(ctx context.Context, rot auth.Rotation) (auth.SessionState, error) {
	s.points.hit(beforeSwap)
	st, err := s.Store.Rotate(ctx, rot)
	if err != nil {
		return st, err
	}
	if r := requestFrom(ctx); r != nil {
		r.rotated.Store(true)
	}
	s.points.hit(afterCommit)
	return st, nil
}
