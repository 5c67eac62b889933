package blacklisttest

import (
	"context"
	"slices"
	"sync"
	"time"

	"rekey/internal/auth"
)

var _ auth.ReplicaNotes = (*Notes)(nil)

// Notes keeps replica notes in memory, by a clock that can be set.
type Notes struct {
	clock *Clock

	mu    sync.Mutex
	notes map[string]note
	fail  error
	onto  func(nodes []string)
}

type note struct {
	nodes []string
	at    time.Time
}

// NewNotes returns notes whose database clock is the given one.
func NewNotes(clock *Clock) *Notes {
	return &Notes{clock: clock, notes: make(map[string]note)}
}

// Fail makes every method return err from now on; nil ends it.
func (n *Notes) Fail(err error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.fail = err
}

// OnWrite has f called before a note is written.
func (n *Notes) OnWrite(f func(nodes []string)) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.onto = f
}

// WriteReplicaNote is auth.ReplicaNotes'.
func (n *Notes) WriteReplicaNote(_ context.Context, replica string, nodes []string) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.fail != nil {
		return n.fail
	}
	if n.onto != nil {
		n.onto(nodes)
	}
	n.notes[replica] = note{nodes: slices.Clone(nodes), at: n.clock.Now()}
	return nil
}

// ReplicaNotes is auth.ReplicaNotes'.
func (n *Notes) ReplicaNotes(_ context.Context, maxAge time.Duration) ([]auth.ReplicaNote, error) {
	n.mu.Lock()
	defer n.mu.Unlock()
	var found []auth.ReplicaNote
	for replica, is := range n.notes {
		if age := n.clock.Now().Sub(is.at); age <= maxAge {
			found = append(found, auth.ReplicaNote{Replica: replica, Nodes: slices.Clone(is.nodes), Age: age})
		}
	}
	return found, n.fail
}

// DeleteReplicaNotes is auth.ReplicaNotes'.
func (n *Notes) DeleteReplicaNotes(_ context.Context, minAge time.Duration) error {
	n.mu.Lock()
	defer n.mu.Unlock()
	for replica, is := range n.notes {
		if n.clock.Now().Sub(is.at) > minAge {
			delete(n.notes, replica)
		}
	}
	return n.fail
}

// All returns the nodes of every note there is, by replica.
func (n *Notes) All() map[string][]string {
	n.mu.Lock()
	defer n.mu.Unlock()
	all := make(map[string][]string, len(n.notes))
	for replica, is := range n.notes {
		all[replica] = slices.Clone(is.nodes)
	}
	return all
}
