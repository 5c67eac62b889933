package blacklisttest

import (
	"context"
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

// WriteReplicaNote implements [auth.ReplicaNotes].
func (n *memoryNotes) WriteReplicaNote(_ context.Context, replica string, nodes []string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.notes[replica] = note{nodes: slices.Clone(nodes), at: n.clock.Now()}
	return nil
}

// ReplicaNotes implements [auth.ReplicaNotes].
func (n *memoryNotes) ReplicaNotes(_ context.Context, maxAge time.Duration) ([]auth.ReplicaNote, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []auth.ReplicaNote
	for replica, is := range n.notes {
		if age := n.clock.Now().Sub(is.at); age <= maxAge {
			found = append(found, auth.ReplicaNote{Replica: replica, Nodes: slices.Clone(is.nodes), Age: age})
		}
	}
	return found, nil
}

// DeleteReplicaNotes implements [auth.ReplicaNotes].
func (n *memoryNotes) DeleteReplicaNotes(_ context.Context, minAge time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for replica, is := range n.notes {
		if n.clock.Now().Sub(is.at) > minAge {
			delete(n.notes, replica)
		}
	}
	return nil
}
