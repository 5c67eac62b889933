package blacklist

import (
	"context"
	"errors"
	"hash/fnv"
	"time"

	"rekey/internal/auth"
)

// backend stores entries and markers. Whether its answers can be trusted is for
// the agreement to decide. Each method returns the run ids of the nodes that
// answered. A node gets a new run id whenever it starts.
type backend interface {
	// name is for the log: "redis", "memory".
	name() string
	// masters returns the nodes that entries are written to and that keep all
	// data. The error says why others are not among them; both may be returned.
	masters(ctx context.Context) ([]string, error)
	// mark sets the markers of all buckets to at: those that are missing or bound
	// to another node, or with reset all. It never sets a marker back.
	mark(ctx context.Context, at time.Time, reset bool) ([]string, error)
	// put writes entries. It never shortens the life of an existing entry.
	put(ctx context.Context, entries []entry) ([]string, error)
	// lookup reads the marker and the entries for a token, in one round trip. It
	// sets a marker that is missing or bound to another node to now.
	lookup(ctx context.Context, sessionID string, secret auth.SecretHash, now time.Time) (lookupResult, error)
	// has reports whether there is an entry. It ignores markers.
	has(ctx context.Context, sessionID string, secret auth.SecretHash) (bool, error)
}

// lookupResult is the answer of one lookup.
type lookupResult struct {
	node        string    // run id of the node that answered
	marker      time.Time // of the bucket, bound to that node
	invalidated bool      // there is an entry for the session or the secret
}

// buckets is the number of groups of sessions. A bucket has one marker, and all
// its keys are on one node of a cluster.
const buckets = 256

func bucketOf(sessionID string) int {
	h := fnv.New32a()
	h.Write([]byte(sessionID))
	return int(h.Sum32() % buckets)
}

// entry is an invalidation as a backend stores it.
type entry struct {
	session string
	secret  *auth.SecretHash // nil: the whole session
	life    time.Duration
}

// minLife keeps an entry from expiring before the change that it announces.
const minLife = time.Second

// entriesOf leaves out invalidations of tokens that have expired by every clock.
// An entry has a lifetime, and a token a time of expiry. The entry lives two
// leeways longer: one for a writer whose clock is ahead, which computes too short
// a life, and one for a reader whose clock is behind, for which the token is
// valid for longer.
func entriesOf(invalidations []auth.Invalidation, now time.Time, leeway time.Duration) []entry {
	entries := make([]entry, 0, len(invalidations))
	for _, i := range invalidations {
		if life := i.Until.Sub(now) + 2*leeway; life > 0 {
			entries = append(entries, entry{session: i.SessionID, secret: i.Secret, life: max(life, minLife)})
		}
	}
	return entries
}

// NewNone returns a cache without entries: KnownValid always returns false, and
// its note says that it reaches no node. It is for Postgres without Redis, and
// for commands that change what a running server caches.
func NewNone(o Options) *Cache { return newCache(o.withDefaults(), none{}) }

var errNone = errors.New("no cache is configured")

// none is the backend that reaches no node.
type none struct{}

func (none) name() string { return "" }

func (none) masters(context.Context) ([]string, error) { return nil, errNone }

func (none) mark(context.Context, time.Time, bool) ([]string, error) { return nil, errNone }

func (none) put(context.Context, []entry) ([]string, error) { return nil, errNone }

func (none) lookup(context.Context, string, auth.SecretHash, time.Time) (lookupResult, error) {
	return lookupResult{}, errNone
}

func (none) has(context.Context, string, auth.SecretHash) (bool, error) { return false, errNone }
