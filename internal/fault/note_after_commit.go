//go:build faults

package fault

import (
	"context"

	"rekey/internal/auth"
)

// noteAfterCommit writes the invalidation of a token after the change has been
// committed: a process that is killed in between leaves a stale token that all
// replicas accept. Invalidations of whole sessions are written as usual.
type noteAfterCommit struct {
	auth.Store
	blacklist auth.Blacklist
	settings  auth.Settings
}

// Rotate implements [auth.Store].
func (s noteAfterCommit) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	st, err := s.Store.Rotate(ctx, r)
	if err != nil {
		return st, err
	}
	return st, s.blacklist.Invalidate(ctx, auth.Invalidation{
		SessionID: r.SessionID, Secret: &r.Current,
		Until: r.Now.Add(s.settings.AccessTTL + s.settings.ClockLeeway), // the parent expires before
	})
}

// BlacklistAccess implements [auth.Store].
func (s noteAfterCommit) BlacklistAccess(ctx context.Context, t auth.BlacklistedToken, e *auth.Event) (auth.BlacklistedToken, error) {
	kept, err := s.Store.BlacklistAccess(ctx, t, e)
	if err != nil {
		return kept, err
	}
	return kept, s.blacklist.Invalidate(ctx, auth.Invalidation{SessionID: t.SessionID, Secret: &t.SecretHash, Until: t.ExpiresAt})
}

// noteNoTokens writes only the invalidations of whole sessions.
type noteNoTokens struct{ auth.Blacklist }

// Invalidate implements [auth.Blacklist].
func (b noteNoTokens) Invalidate(ctx context.Context, invalidations ...auth.Invalidation) error {
	if len(invalidations) == 1 && invalidations[0].Secret != nil {
		return nil
	}
	return b.Blacklist.Invalidate(ctx, invalidations...)
}
