package blacklist

import (
	"context"
	"crypto/rand"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"rekey/internal/auth"
)

// NewMemory returns a cache in the memory of the one process that owns a
// database. If another process uses the same database, nothing wrong happens: its
// note names another node or none, and both ask SQL.
func NewMemory(o Options) *Cache {
	o = o.withDefaults()
	m := &memory{node: "memory:" + rand.Text(), now: o.Now, limit: max(1, o.MaxEntries/buckets)}
	for i := range m.buckets {
		m.buckets[i] = bucket{marker: o.Now(), entries: make(map[key]time.Time)}
	}
	return newCache(o, m)
}

// memory is the backend in this process. Its node never restarts, and its markers
// are as old as the node.
type memory struct {
	node    string
	now     func() time.Time
	limit   int // of the entries in a bucket
	buckets [buckets]bucket
	purged  atomic.Uint32 // buckets so far
}

type bucket struct {
	mu      sync.RWMutex
	marker  time.Time
	entries map[key]time.Time // when they expire
}

// key is the key of an entry. The zero secret stands for the whole session,
// because no secret has that hash.
type key struct {
	session string
	secret  auth.SecretHash
}

func (m *memory) name() string { return "memory" }

// purgeStep is how many buckets a round purges, so that no request waits for all.
const purgeStep = 8

func (m *memory) masters(context.Context) ([]string, error) {
	now := m.now()
	for range purgeStep {
		b := &m.buckets[m.purged.Add(1)%buckets]
		b.mu.Lock()
		maps.DeleteFunc(b.entries, func(_ key, until time.Time) bool { return !until.After(now) })
		b.mu.Unlock()
	}
	return []string{m.node}, nil
}

func (m *memory) mark(_ context.Context, at time.Time, reset bool) ([]string, error) {
	for i := range m.buckets {
		if b := &m.buckets[i]; reset {
			b.mu.Lock()
			b.advance(at)
			b.mu.Unlock()
		}
	}
	return []string{m.node}, nil
}

func (m *memory) put(_ context.Context, entries []entry) ([]string, error) {
	now := m.now()
	for _, e := range entries {
		k := key{session: e.session}
		if e.secret != nil {
			k.secret = *e.secret
		}
		m.buckets[bucketOf(e.session)].put(k, now, now.Add(e.life), m.limit)
	}
	return []string{m.node}, nil
}

func (m *memory) lookup(_ context.Context, sessionID string, secret auth.SecretHash, now time.Time) (lookupResult, error) {
	b := &m.buckets[bucketOf(sessionID)]
	b.mu.RLock()
	defer b.mu.RUnlock()
	found := b.entries[key{session: sessionID}].After(now) || b.entries[key{sessionID, secret}].After(now)
	return lookupResult{node: m.node, marker: b.marker, invalidated: found}, nil
}

func (m *memory) has(ctx context.Context, sessionID string, secret auth.SecretHash) (bool, error) {
	found, err := m.lookup(ctx, sessionID, secret, m.now())
	return found.invalidated, err
}

// put adds an entry. A full bucket drops all entries and sets its marker instead:
// its older tokens are then checked in SQL, which only costs time.
func (b *bucket) put(k key, now, until time.Time, limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.entries[k]; !known && len(b.entries) >= limit {
		clear(b.entries)
		b.advance(now)
	}
	if until.After(b.entries[k]) {
		b.entries[k] = until
	}
}

// advance sets the marker, but never back. The caller holds the lock.
func (b *bucket) advance(at time.Time) {
	if at.After(b.marker) {
		b.marker = at
	}
}
