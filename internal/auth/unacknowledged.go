package auth

import (
	"context"
	"sync"
	"time"
)

// maxUnacknowledged bounds the swaps remembered, the oldest are dropped first: some
// 10 MB at the most, and more than one outage cuts off.
const maxUnacknowledged = 1 << 16

// unacknowledgedSwaps are the marks of swaps that this process sent and whose answer
// it never got. Their clients were told to come again with the same token.
//
// A mark is random, of one attempt, and stored with the swap (Rotation.Attempt).
// A row that bears one of these was rotated by that attempt, which handed the
// child to nobody: for this process the parent is as good as current. Once the
// child is handed out, the parent is a parent like any other, as if the
// rotation had happened at that moment.
//
// The zero value is ready for use.
type unacknowledgedSwaps struct {
	mu sync.Mutex
	// recent and old have when each child was handed out; zero: not yet. When
	// recent is full, it becomes old, and the previous old is dropped.
	recent, old map[SecretHash]time.Time
}

func (u *unacknowledgedSwaps) remember(mark SecretHash) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.set(mark, time.Time{})
}

// set and get are for callers that hold the lock.
func (u *unacknowledgedSwaps) set(mark SecretHash, at time.Time) {
	if u.recent == nil || len(u.recent) >= maxUnacknowledged/2 {
		u.recent, u.old = map[SecretHash]time.Time{}, u.recent
	}
	u.recent[mark] = at
}

func (u *unacknowledgedSwaps) get(mark SecretHash) (deliveredAt time.Time, ours bool) {
	if deliveredAt, ours = u.recent[mark]; !ours {
		deliveredAt, ours = u.old[mark]
	}
	return deliveredAt, ours
}

// find returns when the child of a swap was handed out, zero when it was not
// yet; false when the swap is none of these.
func (u *unacknowledgedSwaps) find(mark *SecretHash) (deliveredAt time.Time, ours bool) {
	if mark == nil {
		return time.Time{}, false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.get(*mark)
}

// claim is true for the one caller that may hand the child out.
func (u *unacknowledgedSwaps) claim(mark SecretHash, at time.Time) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	deliveredAt, ours := u.get(mark)
	if !ours || !deliveredAt.IsZero() {
		return false
	}
	u.set(mark, at)
	return true
}

// deliver answers the pair of a swap whose own answer was lost. The pair is
// signed before it is claimed, so that a failure leaves it to the next try;
// of several tries at once one gets it, as of several swaps.
func (r refresh) deliver(ctx context.Context, st SessionState) (Grant, error) {
	g, err := r.reissue(ctx, st)
	if err != nil {
		return Grant{}, err
	}
	if !r.core.unacknowledged.claim(*st.Session.RetryHash, st.Now) {
		return r.resolve(ctx, isRace, st)
	}
	r.core.events.Emit(ctx, r.event(EventRefresh, ""))
	return g, nil
}
