package blacklisttest

import (
	"context"
	"errors"
	"slices"
	"sync"
	"time"

	"rekey/internal/auth"
)

// memoryNotes keeps replica notes by a clock that can be set.
type memoryNotes struct {
	clock *Clock

	mu    sync.Mutex
	notes map[string]note
}

type note struct {
	nodes []string
	at    time.Time
}

// SetReplicaNodes implements [auth.Replicas].
func (n *memoryNotes) SetReplicaNodes(_ context.Context, replica string, nodes []string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes[replica] = note{nodes: slices.Clone(nodes), at: n.clock.Now()}
	return nil
}

// SetReplicaKeys implements [auth.Replicas]. The tests of a cache report no keys.
func (n *memoryNotes) SetReplicaKeys(context.Context, string, map[auth.KeyPurpose]auth.ReplicaKeys) error {
	return errors.ErrUnsupported
}

// Replicas implements [auth.Replicas].
func (n *memoryNotes) Replicas(_ context.Context, maxAge time.Duration) ([]auth.Replica, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []auth.Replica
	for replica, is := range n.notes {
		if age := n.clock.Now().Sub(is.at); age <= maxAge {
			found = append(found, auth.Replica{ID: replica, Joined: true, Nodes: slices.Clone(is.nodes), Age: age})
		}
	}
	return found, nil
}

// DeleteReplicas implements [auth.Replicas].
func (n *memoryNotes) DeleteReplicas(_ context.Context, minAge time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for replica, is := range n.notes {
		if n.clock.Now().Sub(is.at) > minAge {
			delete(n.notes, replica)
		}
	}
	return nil
}
