package app

import (
	"context"
	"sync/atomic"
	"time"

	"rekey/internal/web"
)

// drain is how a server leaves: first it says at /readyz that it goes, so that
// load balancers send nobody any more, and only later it takes no connections.
type drain struct{ leaving atomic.Bool }

// after returns a context that ends delay after ctx.
func (d *drain) after(ctx context.Context, delay time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		d.leaving.Store(true)
		time.AfterFunc(delay, cancel)
	})
	return later, cancel
}

// check fails once the server is leaving.
func (d *drain) check(context.Context) error {
	if d.leaving.Load() {
		return web.NotReady("shutting down")
	}
	return nil
}
