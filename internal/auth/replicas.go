package auth

import (
	"context"
	"time"
)

// Replica holds the last report of a process about itself.
type Replica struct {
	ID string // unique to a process
	// Age is the time since the last report, by the database's clock.
	Age time.Duration
	// Joined reports whether the replica has reported its nodes. Until then it
	// changes no session.
	Joined bool
	// Nodes are the run ids of the Redis nodes that the replica writes
	// invalidations to. It reaches none if the list is empty.
	Nodes []string
	// Keys are the keys that the replica has loaded; nil if it reports none.
	Keys map[KeyPurpose]ReplicaKeys
}

// ReplicaKeys are the keys of one purpose that a replica has loaded.
type ReplicaKeys struct {
	File  bool     `json:"file"`  // they are read from files
	Signs string   `json:"signs"` // the id of the one that signs
	Knows []string `json:"knows"` // the ids of all
}

// CommandReplica begins the id of a replica that is a command. A command reports
// its nodes, as every process that changes sessions does, but serves nobody.
const CommandReplica = "command-"

// Replicas stores the nodes and keys that replicas report to each other. It uses
// SQL, which every process that changes sessions can reach. Its errors are those
// of Store.
type Replicas interface {
	// SetReplicaNodes and SetReplicaKeys record one part of a replica's report,
	// with the database's time, and leave the other part as it is.
	SetReplicaNodes(ctx context.Context, id string, nodes []string) error
	SetReplicaKeys(ctx context.Context, id string, keys map[KeyPurpose]ReplicaKeys) error
	// Replicas lists the replicas whose last report is at most maxAge old, in
	// the order of their ids.
	Replicas(ctx context.Context, maxAge time.Duration) ([]Replica, error)
	// DeleteReplicas deletes the replicas whose last report is older than minAge.
	DeleteReplicas(ctx context.Context, minAge time.Duration) error
}
