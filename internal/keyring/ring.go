// Package keyring holds the keys of rekey. Each purpose (access, refresh,
// rotation) has a ring of a next key, a current key and retired keys. The
// package decides when each key signs and until when it verifies, encrypts the
// keys with the master key, and reads keys from files.
//
// Every replica reads the ring once a second and applies the rules with its own
// clock, so there is no leader. Package token defines the tokens and package
// store stores the encrypted keys.
package keyring

import (
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// Propagation is the time within which every replica learns of a change of the
// ring.
const Propagation = 5 * time.Second

const pollInterval = time.Second

// Options configure a Ring. Notes, Files, Rotation and Events are optional.
type Options struct {
	Store   auth.SealedKeys
	Replica string // the id of this process; a random one if it is empty
	// Notes is where replicas report their keys; nil if no other process serves
	// from this database.
	Notes  auth.Replicas
	Files  Files
	Master MasterKey
	Dir    string // the data directory
	// Lives holds, for each purpose, how long the result of a key is valid: a
	// token's lifetime, or how long a retry may derive the same secret.
	Lives map[auth.KeyPurpose]time.Duration
	// MaxAge is how long others may cache the published keys.
	MaxAge time.Duration
	// Lead is how long a key is published before it signs. It is at least MaxAge,
	// and the time until every replica knows the key.
	Lead   time.Duration
	Leeway time.Duration // the largest difference between two clocks
	// Rotation is how long a key signs before the next one replaces it. If it
	// is 0, keys change only on an operator's command.
	Rotation time.Duration
	Now      func() time.Time
	Events   auth.Events
	Logger   *slog.Logger
}

// Ring holds the keys of one process. It is safe for concurrent use.
// RotationKeys, Published, Keys, Check and the codec read an immutable snapshot
// and never wait. Every other method but Run holds the lock until it returns,
// also while it waits for the database.
type Ring struct {
	live *live

	mu   sync.Mutex
	ring *ring // guarded by mu
}

// live holds what is read without the lock.
type live struct {
	snapshot atomic.Pointer[snapshot]
	loaded   atomic.Int64 // when the last successful read of the database began, in Unix nanoseconds
	running  atomic.Bool
	health   atomic.Pointer[health] // of the last poll
}

// New returns a ring that has not read the database yet.
func New(o Options) (*Ring, error) {
	files, err := o.Files.load()
	if err != nil {
		return nil, err
	}
	live := &live{}
	return &Ring{live: live, ring: &ring{options: o, live: live, files: files, id: cmp.Or(o.Replica, rand.Text())}}, nil
}

// Start makes the ring ready to sign: it opens the keys in the database and
// creates those that are missing. Replicas that start at the same time on an
// empty database end up with the same ring. It fails, with a message for
// operators, if the master key is not the one that the ring is encrypted with.
func (r *Ring) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.ring.start(ctx); err != nil {
		return err
	}
	return r.ring.join(ctx)
}

// Run keeps the ring up to date until ctx ends: it reads changes, lets keys
// change state as the clock passes their times, adds keys that are due and
// deletes those that ended. Start must have succeeded. ticks replaces the
// one-second ticker; nil uses a real one.
func (r *Ring) Run(ctx context.Context, ticks <-chan time.Time) {
	defer r.ring.leave(ctx) // needs no lock: it reads only what never changes
	if ticks == nil {
		ticker := time.NewTicker(pollInterval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	r.live.running.Store(len(r.ring.storedPurposes()) > 0)
	defer r.live.running.Store(false)
	for {
		found := r.poll(ctx)
		if ctx.Err() != nil {
			return
		}
		r.ring.logHealth(ctx, r.live.health.Swap(&found), found)
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}

// Poll reads the database once and does what is due. If the ring was reset, it
// creates new keys.
func (r *Ring) Poll(ctx context.Context) error { return r.poll(ctx).err() }

func (r *Ring) poll(ctx context.Context) health {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.poll(ctx)
}

// Codec returns a codec that signs and verifies with the keys of the ring from
// now on. The key sets in its options are ignored. A ring has one codec.
func (r *Ring) Codec(o token.Options) (*token.Codec, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	o.Access, o.Refresh = r.KeySets()
	o.Outdated = r.outdated
	codec, err := token.New(o)
	if err != nil {
		return nil, err
	}
	r.ring.codec = codec
	return codec, nil
}

// KeySets returns the keys that tokens are signed and verified with.
func (r *Ring) KeySets() (access, refresh token.KeySet) {
	s := r.live.snapshot.Load()
	return s.access, s.refresh
}

// RotationKeys returns the secrets that derive, the current one first.
func (r *Ring) RotationKeys() [][]byte { return r.live.snapshot.Load().secrets }

// Published returns the JWK set of the access keys and the current access key
// in PEM form. Both stay the same until the ring changes.
func (r *Ring) Published() (jwks, pem []byte) {
	s := r.live.snapshot.Load()
	return s.jwks, s.pem
}

// Keys returns the keys of all purposes as of the last read of the database,
// including ended ones.
func (r *Ring) Keys() []Key { return r.live.snapshot.Load().keys }

// outdated reports whether there may be keys that this replica does not know.
// It is always false for a ring that Run does not keep up to date.
func (r *Ring) outdated(now time.Time) bool {
	return r.live.running.Load() && now.Sub(time.Unix(0, r.live.loaded.Load())) > Propagation
}

// Check returns what is wrong with the ring, for readiness. It ignores an
// unavailable database, which another check reports.
func (r *Ring) Check(context.Context) error {
	last := r.live.health.Load()
	if last == nil {
		return nil
	}
	for _, err := range []error{last.ring, last.notes} {
		if err != nil && auth.AsError(err).Code != auth.CodeUnavailable {
			return err
		}
	}
	return nil
}

// List returns the keys of the database and of this process's files, including
// ended ones. It needs no master key.
func (r *Ring) List(ctx context.Context) ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.list(ctx)
}

// Diagnose returns the keys, and an error that says what keeps this process
// from using them. It creates nothing.
func (r *Ring) Diagnose(ctx context.Context) ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.diagnose(ctx)
}

// Rotate adds a next key for each purpose and returns the added keys. A next key
// signs once all replicas know it and nobody caches a set of published keys
// without it. If a purpose has a next key already, Rotate adds none for it and
// its error wraps ErrWaiting.
func (r *Ring) Rotate(ctx context.Context, purposes ...auth.KeyPurpose) ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.rotate(ctx, purposes, r.ring.addByOperator)
}

// RotateNow is Rotate, but the keys sign as soon as all replicas know them, also
// before a next key that waits. CacheCost returns what that costs.
func (r *Ring) RotateNow(ctx context.Context, purposes ...auth.KeyPurpose) ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.rotate(ctx, purposes, r.ring.addNow)
}

// CacheCost returns, for operators, which services refuse the tokens of an access
// key that signs before its lead time has passed, and for how long.
func (r *Ring) CacheCost() string {
	return fmt.Sprintf("services that check access tokens with the published keys may refuse new tokens until they fetch the keys again: "+
		"for up to %s (JWKS_MAX_AGE), or longer if their library ignores Cache-Control; users stay signed in", r.ring.options.MaxAge)
}

// Import adds keys that were created elsewhere and returns their ids. Without
// VerifyOnly the key becomes the next one, or the current one of a purpose that
// has none.
func (r *Ring) Import(ctx context.Context, in Import) ([]string, error) {
	keys, err := in.read()
	if err != nil {
		return nil, err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.importKeys(ctx, in, keys)
}

// Retire ends a key before its time, so that what it signed no longer verifies.
// It ends a current key only if replace is true, and then adds a new key and
// ends the old one a few seconds later, when the new one signs. It returns
// auth.ErrNotFound if there is no such key.
func (r *Ring) Retire(ctx context.Context, kid string, replace bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.retire(ctx, kid, replace)
}

// Reencrypt encrypts every key with the first master key, and returns how many
// were encrypted with another one.
func (r *Ring) Reencrypt(ctx context.Context) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.reencrypt(ctx)
}

// Reset deletes every key of the database and returns how many there were. What
// they signed no longer verifies. The service creates new keys.
func (r *Ring) Reset(ctx context.Context) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ring.reset(ctx)
}
