package blacklist

import (
	"context"
	"time"

	"rekey/internal/auth"
)

// backend keeps entries and markers. Whether what it says may be believed is
// trust's business. Each method names the nodes that answered by their run
// ids, which are new with every start of a node.
type backend interface {
	// name is for logs: "redis", "memory".
	name() string
	// masters returns the nodes that entries are written to and that keep what
	// they are given. An error says why others are not among them; both may be
	// returned.
	masters(ctx context.Context) ([]string, error)
	// mark sets the markers of all buckets to at: those that are missing or
	// bound to another node, or every one with reset. Markers never go back.
	mark(ctx context.Context, at time.Time, reset bool) ([]string, error)
	// put writes entries. None of them shortens the life of one that is there.
	put(ctx context.Context, entries []entry) ([]string, error)
	// look finds the marker and the entries for a token, in one round trip. A
	// marker that is missing or bound to another node is set to now.
	look(ctx context.Context, sessionID string, secret auth.SecretHash, now time.Time) (sighting, error)
	// has reports whether there is an entry, without regard to markers.
	has(ctx context.Context, sessionID string, secret auth.SecretHash) (bool, error)
}
