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

// Ring holds the keys of one process and applies the rules. It is safe for
// concurrent use. RotationKeys, Published, Keys, Check and the codec read an
// immutable snapshot and never wait. Every other exported method but Run holds the
// lock until it returns, also while it waits for the database. Unexported methods
// that use the fields below mu expect that their caller holds it.
type Ring struct {
	options Options
	files   fileKeys
	id      string // of this process

	// These are read without the lock.
	snapshot atomic.Pointer[snapshot]
	loaded   atomic.Int64 // when the last successful read of the database began, in Unix nanoseconds
	running  atomic.Bool
	health   atomic.Pointer[health] // of the last poll

	mu      sync.Mutex // guards what follows
	masters masters
	rows    map[auth.KeyPurpose][]auth.SealedKey
	opened  map[string]keyMaterial // by kid
	codec   *token.Codec
	noted   time.Time // when this process last wrote its note
}

// New returns a ring that has not read the database yet.
func New(o Options) (*Ring, error) {
	files, err := o.Files.load()
	if err != nil {
		return nil, err
	}
	return &Ring{options: o, files: files, id: cmp.Or(o.Replica, rand.Text())}, nil
}

// Start makes the ring ready to sign: it opens the keys in the database and
// creates those that are missing. Replicas that start at the same time on an
// empty database end up with the same ring. It fails, with a message for
// operators, if the master key is not the one that the ring is encrypted with.
func (r *Ring) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.start(ctx); err != nil {
		return err
	}
	return r.join(ctx)
}

// Run keeps the ring up to date until ctx ends: it reads changes, lets keys
// change state as the clock passes their times, adds keys that are due and
// deletes those that ended. Start must have succeeded. ticks replaces the
// one-second ticker; nil uses a real one.
func (r *Ring) Run(ctx context.Context, ticks <-chan time.Time) {
	defer r.leave(ctx) // needs no lock: it reads only what never changes
	if ticks == nil {
		ticker := time.NewTicker(pollInterval)
		defer ticker.Stop()
		ticks = ticker.C
	}
	r.running.Store(len(r.storedPurposes()) > 0)
	defer r.running.Store(false)
	for {
		found := r.poll(ctx)
		if ctx.Err() != nil {
			return
		}
		r.logHealth(ctx, r.health.Swap(&found), found)
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
	r.codec = codec
	return codec, nil
}

// KeySets returns the keys that tokens are signed and verified with.
func (r *Ring) KeySets() (access, refresh token.KeySet) {
	s := r.snapshot.Load()
	return s.access, s.refresh
}

// RotationKeys returns the secrets that derive, the current one first.
func (r *Ring) RotationKeys() [][]byte { return r.snapshot.Load().secrets }

// Published returns the JWK set of the access keys and the current access key
// in PEM form. Both stay the same until the ring changes.
func (r *Ring) Published() (jwks, pem []byte) {
	s := r.snapshot.Load()
	return s.jwks, s.pem
}

// Keys returns the keys of all purposes as of the last read of the database,
// including ended ones.
func (r *Ring) Keys() []Key { return r.snapshot.Load().keys }

// outdated reports whether there may be keys that this replica does not know.
// It is always false for a ring that Run does not keep up to date.
func (r *Ring) outdated(now time.Time) bool {
	return r.running.Load() && now.Sub(time.Unix(0, r.loaded.Load())) > Propagation
}

// Check returns what is wrong with the ring, for readiness. It ignores an
// unavailable database, which another check reports.
func (r *Ring) Check(context.Context) error {
	last := r.health.Load()
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
