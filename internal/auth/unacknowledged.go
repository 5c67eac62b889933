package auth

import (
	"sync"
	"time"
)

// maxUnacknowledged limits the swaps that are remembered: about 10 MB, and
// more than one outage cuts off. Beyond it, the oldest are forgotten first.
const maxUnacknowledged = 1 << 16

// unacknowledgedSwaps remembers the marks of the swaps that this process sent
// and whose answer it did not get. It answered their clients with
// CodeUnavailable, so that they retry with the same token.
//
// A mark is a random value of one attempt, and is stored with the swap
// (Rotation.Attempt). If a row has a remembered mark, that attempt rotated the
// session, and nobody got the child: this process then treats the parent as
// current. Once it delivers the child, the parent counts as rotated at that
// moment.
//
// The zero value is ready for use.
type unacknowledgedSwaps struct {
	mu sync.Mutex
	// recent and old have the time when each child was delivered; zero: not yet.
	// When recent is full, it becomes old, and the previous old is dropped.
	recent, old map[SecretHash]time.Time
}

func (u *unacknowledgedSwaps) remember(mark SecretHash) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.set(mark, time.Time{})
}

// set requires the lock.
func (u *unacknowledgedSwaps) set(mark SecretHash, at time.Time) {
	if u.recent == nil || len(u.recent) >= maxUnacknowledged/2 {
		u.recent, u.old = map[SecretHash]time.Time{}, u.recent
	}
	u.recent[mark] = at
}

// get requires the lock.
func (u *unacknowledgedSwaps) get(mark SecretHash) (deliveredAt time.Time, ours bool) {
	if deliveredAt, ours = u.recent[mark]; !ours {
		deliveredAt, ours = u.old[mark]
	}
	return deliveredAt, ours
}

// find returns when the child of a swap was delivered, or zero if it was not
// delivered yet. It returns false if the swap is not remembered.
func (u *unacknowledgedSwaps) find(mark *SecretHash) (deliveredAt time.Time, ours bool) {
	if mark == nil {
		return time.Time{}, false
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.get(*mark)
}

// claim returns true to the one caller that may deliver the child.
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
