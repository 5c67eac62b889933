//go:build faults

package fault

import (
	"context"
	"time"

	"rekey/internal/auth"
)

// entries is the part of the cache that knows nothing of trust.
type entries interface {
	Put(ctx context.Context, doubts ...auth.Invalidation) error
	Doubted(ctx context.Context, sessionID string, secret auth.SecretHash) (bool, error)
}

// noMarker takes a token for good that the cache has no entry for, whatever
// the cache has been through.
type noMarker struct{ entries }

func wrapNoMarker(_ *machine, o auth.Options) auth.Options {
	o.Blacklist = noMarker{o.Blacklist.(entries)} // another cache would be no bad build: better no start
	return o
}

// Invalidate implements [auth.Blacklist].
func (b noMarker) Invalidate(ctx context.Context, doubts ...auth.Invalidation) error {
	_ = b.Put(ctx, doubts...) // the change goes on without, as it does in a good build
	return nil
}

// KnownValid implements [auth.Blacklist].
func (b noMarker) KnownValid(ctx context.Context, sessionID string, secret auth.SecretHash, _ time.Time) bool {
	doubted, err := b.Doubted(ctx, sessionID, secret)
	return err == nil && !doubted
}
