package blacklist

import (
	"context"
	"crypto/rand"
	"sync"
	"sync/atomic"
	"time"

	"rekey/internal/auth"
)

// NewMemory makes a cache in this process's memory, for the one process that
// owns a database. Others on the same database are safe all the same: their
// notes name another node or none, and then SQL is asked.
func NewMemory(o Options) *Cache {
	o = o.withDefaults()
	m := &memory{node: "memory:" + rand.Text(), now: o.Now, limit: max(1, o.MaxEntries/buckets)}
	for i := range m.buckets {
		m.buckets[i] = bucket{marker: o.Now(), entries: make(map[key]time.Time)}
	}
	return newCache(o, m)
}

// memory is the backend in this process. Its node never restarts, and its
// markers begin with it.
type memory struct {
	node    string
	now     func() time.Time
	limit   int // entries a bucket
	buckets [buckets]bucket
	purged  atomic.Uint32 // buckets so far
}

type bucket struct {
	mu      sync.RWMutex
	marker  time.Time
	entries map[key]time.Time // when they end
}

// key is an entry's; the zero secret stands for the whole session, since no
// secret has that hash.
type key struct {
	session string
	secret  auth.SecretHash
}

func keyOf(e entry) key {
	if e.secret == nil {
		return key{session: e.session}
	}
	return key{session: e.session, secret: *e.secret}
}

func (m *memory) name() string { return "memory" }

// purgeStep buckets are purged a round, so that no request waits for all.
const purgeStep = 8

func (m *memory) masters(context.Context) ([]string, error) {
	now := m.now()
	for range purgeStep {
		m.buckets[m.purged.Add(1)%buckets].purge(now)
	}
	return []string{m.node}, nil
}

func (m *memory) mark(_ context.Context, at time.Time, reset bool) ([]string, error) {
	for i := range m.buckets {
		if reset {
			m.buckets[i].reset(at)
		}
	}
	return []string{m.node}, nil
}

func (m *memory) put(_ context.Context, entries []entry) ([]string, error) {
	now := m.now()
	for _, e := range entries {
		m.buckets[bucketOf(e.session)].put(keyOf(e), now, now.Add(e.life), m.limit)
	}
	return []string{m.node}, nil
}

func (m *memory) look(_ context.Context, sessionID string, secret auth.SecretHash, now time.Time) (sighting, error) {
	marker, doubted := m.buckets[bucketOf(sessionID)].look(sessionID, secret, now)
	return sighting{node: m.node, marker: marker, doubted: doubted}, nil
}

func (m *memory) has(_ context.Context, sessionID string, secret auth.SecretHash) (bool, error) {
	_, doubted := m.buckets[bucketOf(sessionID)].look(sessionID, secret, m.now())
	return doubted, nil
}

func (b *bucket) look(sessionID string, secret auth.SecretHash, now time.Time) (time.Time, bool) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	doubted := b.entries[key{session: sessionID}].After(now) || b.entries[key{session: sessionID, secret: secret}].After(now)
	return b.marker, doubted
}

// put adds an entry. A bucket that is full forgets all and moves its marker
// instead: its older tokens are then asked of SQL, so nothing is lost but time.
func (b *bucket) put(k key, now, until time.Time, limit int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, known := b.entries[k]; !known && len(b.entries) >= limit {
		b.drop(now)
	}
	if until.After(b.entries[k]) {
		b.entries[k] = until
	}
}

func (b *bucket) drop(now time.Time) {
	clear(b.entries)
	b.advance(now)
}

func (b *bucket) advance(at time.Time) {
	if at.After(b.marker) {
		b.marker = at
	}
}

func (b *bucket) reset(at time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.advance(at)
}

func (b *bucket) purge(now time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for k, until := range b.entries {
		if !until.After(now) {
			delete(b.entries, k)
		}
	}
}
