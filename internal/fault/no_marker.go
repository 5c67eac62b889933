//go:build faults

package fault

import (
	"context"
	"time"

	"rekey/internal/auth"
)

// entries is the part of the cache that does not check trust.
type entries interface {
	Put(ctx context.Context, invalidations ...auth.Invalidation) error
	Invalidated(ctx context.Context, sessionID string, secret auth.SecretHash) (bool, error)
}

// noMarker accepts a token that the cache has no entry for, even if the cache was
// emptied.
type noMarker struct{ entries }

// Invalidate implements [auth.Blacklist].
func (b noMarker) Invalidate(ctx context.Context, invalidations ...auth.Invalidation) error {
	_ = b.Put(ctx, invalidations...) // the change continues after an error, as in a good build
	return nil
}

// KnownValid implements [auth.Blacklist].
func (b noMarker) KnownValid(ctx context.Context, sessionID string, secret auth.SecretHash, _ time.Time) bool {
	invalidated, err := b.Invalidated(ctx, sessionID, secret)
	return err == nil && !invalidated
}
