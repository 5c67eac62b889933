package auth

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Quota is what is left of a limit to whom it counted.
type Quota struct {
	Limit     Limit
	Remaining int // requests that may come at once
	// Reset is how long until all of the burst is there again, or, of one that
	// refused, until a request may go on.
	Reset   time.Duration
	Refused bool
}

// maxQuotas bounds what is told of one request.
const maxQuotas = 8

// Quotas are what limiters noted of a request. It is safe for concurrent use.
type Quotas struct {
	mu  sync.Mutex
	all []Quota
}

// NoteQuota is called by limiters, so that the answer to ctx's request can tell
// its sender. Private limits are left out, and those of a replica, which say
// nothing of the next request, unless they refuse.
func NoteQuota(ctx context.Context, q Quota) {
	if !q.Limit.Private && (!q.Limit.PerReplica || q.Refused) {
		QuotasFrom(ctx).note(q)
	}
}

// QuotasFrom returns what is noted of a request, now and later; nil when there
// is none.
func QuotasFrom(ctx context.Context) *Quotas {
	if r, ok := ctx.Value(clientKey{}).(*request); ok {
		return &r.quotas
	}
	return nil
}

func (all *Quotas) note(q Quota) {
	if all == nil {
		return
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	for i, noted := range all.all {
		if noted.Limit.Name == q.Limit.Name {
			all.all[i] = q // of another key, or counted once more
			return
		}
	}
	if len(all.all) < maxQuotas {
		all.all = append(all.all, q)
	}
}

// Noted returns them, one for each limit.
func (all *Quotas) Noted() []Quota {
	if all == nil {
		return nil
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	return slices.Clone(all.all)
}
