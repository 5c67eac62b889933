package auth

import (
	"context"
	"sync"
	"time"
)

// useEvery is how often the use of a key is noted.
const useEvery = time.Minute

// keyUses are the notes of when keys were used. They are written beside the
// calls: what a call asks for is read, and must be answered by a database that
// takes no changes, too.
//
// The zero value is ready for use.
type keyUses struct {
	mu    sync.Mutex
	tried map[string]time.Time // by the key's id, which somebody holds: there are few
	open  sync.WaitGroup
}

// due is true for one of all who ask within useEvery, whatever comes of it.
func (u *keyUses) due(id string, now time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	if last, ok := u.tried[id]; ok && now.Sub(last) < useEvery {
		return false
	}
	if u.tried == nil {
		u.tried = map[string]time.Time{}
	}
	u.tried[id] = now
	return true
}

// noteUse notes a use, at most one a minute. It does not wait.
func (k *APIKeys) noteUse(ctx context.Context, kept APIKey) {
	now := k.now()
	if kept.LastUsedAt != nil && now.Sub(*kept.LastUsedAt) < useEvery || !k.uses.due(kept.ID, now) {
		return
	}
	ctx = context.WithoutCancel(ctx) // the call may be over before
	k.uses.open.Go(func() {
		if err := k.store.TouchAPIKey(ctx, kept.ID, now); err != nil {
			k.logger.WarnContext(ctx, "the use of an API key was not noted", "key", kept.Prefix, "error", Cause(err))
		}
	})
}

// Wait waits until every use is noted of the calls that were answered. The
// store bounds how long that takes.
func (k *APIKeys) Wait() { k.uses.open.Wait() }
