package pubsub

import (
	"context"
	"sync"
	"sync/atomic"

	"rekey/internal/auth"
)

var _ auth.Bus = (*Local)(nil)

// queueSize is how many notices a follower may be behind.
const queueSize = 8192

// Local is a bus within one process. It is safe for concurrent use.
type Local struct {
	mu        sync.Mutex
	followers map[*follower]bool
	lost      bool // whether who joins is told that notices may be missing
}

// NewLocal makes a bus that loses nothing but what a slow follower misses.
func NewLocal() *Local { return &Local{followers: map[*follower]bool{}} }

// follower is a bounded queue.
type follower struct {
	queue chan auth.Notice
	// behind says that something was left out since it was last looked at.
	behind atomic.Bool
}

// Publish implements [auth.Bus].
func (l *Local) Publish(notices ...auth.Notice) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for f := range l.followers {
		for _, n := range notices {
			f.add(n)
		}
	}
}

// Follow implements [auth.Bus].
func (l *Local) Follow(ctx context.Context, tell func(auth.Notice)) {
	f := &follower{queue: make(chan auth.Notice, queueSize)}
	defer l.leave(f)
	tell(auth.Notice{Kind: l.join(f)})
	for {
		select {
		case <-ctx.Done():
			return
		case n := <-f.queue:
			tell(n)
		}
		if f.behind.Swap(false) {
			tell(auth.Notice{Kind: auth.NoticeLost})
			tell(auth.Notice{Kind: l.state()})
		}
	}
}

func (l *Local) join(f *follower) auth.NoticeKind {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.followers[f] = true
	return l.kind()
}

func (l *Local) leave(f *follower) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.followers, f)
}

func (l *Local) state() auth.NoticeKind {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.kind()
}

func (l *Local) kind() auth.NoticeKind {
	if l.lost {
		return auth.NoticeLost
	}
	return auth.NoticeBack
}

// setLost tells followers when notices from elsewhere cease or come again.
func (l *Local) setLost(lost bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost == lost {
		return
	}
	l.lost = lost
	for f := range l.followers {
		f.add(auth.Notice{Kind: l.kind()})
	}
}

// add never waits.
func (f *follower) add(n auth.Notice) {
	select {
	case f.queue <- n:
	default:
		f.behind.Store(true)
	}
}
