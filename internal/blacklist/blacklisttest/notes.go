package blacklisttest

import (
	"context"
	"errors"
	"sync"
	"time"

	"rekey/internal/auth"
)

var _ auth.Replicas = (*Notes)(nil)

// Notes are replica notes that tests can look at and make fail.
type Notes struct {
	kept auth.Replicas

	mu   sync.Mutex
	fail error
	once int // how many writes fail once
	onto func(nodes []string)
}

var errOnce = errors.New("no database for a moment")

// NewNotes returns notes in memory whose database clock is the given one.
func NewNotes(clock *Clock) *Notes {
	return WrapNotes(&memoryNotes{clock: clock, notes: make(map[string]note)})
}

// WrapNotes returns notes that are kept elsewhere, such as in a real store.
func WrapNotes(kept auth.Replicas) *Notes { return &Notes{kept: kept} }

// Fail makes every method return err from now on; nil ends it.
func (n *Notes) Fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fail = err
}

// FailOnce makes so many writes fail.
func (n *Notes) FailOnce(writes int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.once = writes
}

func (n *Notes) failing() error {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.fail
}

// OnWrite has f called before a note is written.
func (n *Notes) OnWrite(f func(nodes []string)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onto = f
}

// SetReplicaNodes is auth.Replicas'.
func (n *Notes) SetReplicaNodes(ctx context.Context, replica string, nodes []string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		return n.fail
	}
	if n.once > 0 {
		n.once--
		return errOnce
	}
	if n.onto != nil {
		n.onto(nodes)
	}
	return n.kept.SetReplicaNodes(ctx, replica, nodes)
}

// SetReplicaKeys is auth.Replicas'.
func (n *Notes) SetReplicaKeys(ctx context.Context, replica string, keys map[auth.KeyPurpose]auth.ReplicaKeys) error {
	return n.kept.SetReplicaKeys(ctx, replica, keys)
}

// Replicas is auth.Replicas'.
func (n *Notes) Replicas(ctx context.Context, maxAge time.Duration) ([]auth.Replica, error) {
	if err := n.failing(); err != nil {
		return nil, err
	}
	return n.kept.Replicas(ctx, maxAge)
}

// DeleteReplicas is auth.Replicas'.
func (n *Notes) DeleteReplicas(ctx context.Context, minAge time.Duration) error {
	if err := n.failing(); err != nil {
		return err
	}
	return n.kept.DeleteReplicas(ctx, minAge)
}

// All returns the nodes of every note there is, by replica; nil when they
// cannot be read.
func (n *Notes) All() map[string][]string {
	const ever = 1000 * time.Hour
	notes, err := n.kept.Replicas(context.Background(), ever)
	if err != nil {
		return nil
	}
	all := make(map[string][]string, len(notes))
	for _, is := range notes {
		all[is.ID] = is.Nodes
	}
	return all
}
