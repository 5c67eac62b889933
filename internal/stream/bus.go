package stream

import (
	"context"
	"sync"
	"sync/atomic"

	"rekey/internal/auth"
)

// A Bus reports its own state by changes of these kinds.
const (
	// BusLost says that changes may be missing from here on, until BusBack.
	BusLost auth.ChangeKind = "bus_lost"
	// BusBack says that changes arrive from here on. Earlier ones may be missing.
	BusBack auth.ChangeKind = "bus_back"
)

// Bus carries changes to all replicas. It may lose some, and reports that as
// far as it knows: a follower that needs every change must read the store, too.
type Bus interface {
	// Publish sends changes to every follower on every replica. It neither
	// waits nor fails.
	Publish(changes ...auth.Change)
	// Follow calls onChange for each change until ctx ends, one at a time, those
	// of one publisher in their order. The first one is BusBack or BusLost.
	Follow(ctx context.Context, onChange func(auth.Change))
}

// busBuffer is how many changes a follower may be behind.
const busBuffer = 8192

// Local is a bus within one process. It loses nothing but what a slow follower
// misses. It is safe for concurrent use.
type Local struct {
	mu        sync.Mutex
	followers map[*busFollower]bool
	lost      bool
}

type busFollower struct {
	changes chan auth.Change
	missed  atomic.Bool // a change since the last check
}

// NewLocal returns a bus that nobody follows yet.
func NewLocal() *Local { return &Local{followers: map[*busFollower]bool{}} }

// Publish implements [Bus].
func (l *Local) Publish(changes ...auth.Change) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f := range l.followers {
		for _, c := range changes {
			f.send(c)
		}
	}
}

// Follow implements [Bus].
func (l *Local) Follow(ctx context.Context, onChange func(auth.Change)) {
	f := &busFollower{changes: make(chan auth.Change, busBuffer)}
	l.mu.Lock()
	l.followers[f] = true
	f.send(l.state())
	l.mu.Unlock()
	defer func() {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.followers, f)
	}()
	for {
		select {
		case <-ctx.Done():
			return
		case c := <-f.changes:
			onChange(c)
		}
		if f.missed.Swap(false) {
			onChange(auth.Change{Kind: BusLost})
			l.mu.Lock()
			state := l.state()
			l.mu.Unlock()
			onChange(state)
		}
	}
}

// send never waits.
func (f *busFollower) send(c auth.Change) {
	select {
	case f.changes <- c:
	default:
		f.missed.Store(true)
	}
}

// state returns the change that reports the bus's state. The caller holds the
// lock.
func (l *Local) state() auth.Change {
	if l.lost {
		return auth.Change{Kind: BusLost}
	}
	return auth.Change{Kind: BusBack}
}

// setLost tells followers whether changes of other processes arrive.
func (l *Local) setLost(lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == lost {
		return
	}
	l.lost = lost
	for f := range l.followers {
		f.send(l.state())
	}
}
