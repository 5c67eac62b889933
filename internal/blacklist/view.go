package blacklist

import (
	"cmp"
	"fmt"
	"time"

	"rekey/internal/auth"
)

// view is what the notes allow us to believe, for a short while.
type view struct {
	// floors has the trusted nodes. A node says nothing about tokens issued
	// before its floor: a replica that has died since did not write to it.
	floors map[string]time.Time
	until  time.Time
	reason string // why there are none
}

// newView trusts those of our own nodes that every living replica names too.
//
// A note that is no longer refreshed belongs to a dead replica, or to one that
// is cut off from SQL and so can change nothing. Its changes without entries
// on a node that it does not name are over, but they still concern the tokens
// of its time; so it sets the node's floor instead of barring it.
func newView(own []string, notes []auth.Replica, start time.Time, o Options) *view {
	v := &view{floors: make(map[string]time.Time, len(own)), until: start.Add(trustFor)}
	for _, node := range own {
		v.floors[node] = time.Time{}
	}
	read := o.Now() // after the reading: the later end of when a note may have been written
	for _, n := range notes {
		for node, floor := range v.floors {
			switch written := read.Add(-n.Age); {
			case containsAll(n.Nodes, []string{node}):
			case n.Age <= liveFor:
				delete(v.floors, node)
				v.reason = disagreement(n)
			case written.Add(freshFor).After(floor): // Invalidate relies on a note for freshFor
				v.floors[node] = written.Add(freshFor)
			}
		}
	}
	return v
}

func disagreement(n auth.Replica) string {
	if len(n.Nodes) == 0 {
		return fmt.Sprintf("replica %s reaches no node", n.ID)
	}
	return fmt.Sprintf("replica %s writes to other nodes", n.ID)
}

func (v *view) status(reason error) Status {
	if len(v.floors) > 0 {
		return Status{Trusted: true}
	}
	if reason != nil {
		return Status{Reason: reason.Error()}
	}
	return Status{Reason: cmp.Or(v.reason, "no node was found")}
}
