package keyring

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// Learning is within what time every replica learns of a change of the ring.
const Learning = 5 * time.Second

const (
	pollEvery = time.Second
	// slack covers a replica that is slow to change to another key.
	slack = time.Minute
	// keptFor is how long a key stays listed after its end.
	keptFor = 10 * time.Minute
)

// Options are what a Ring needs. Notes, Files, Rotation and Events may be left
// out.
type Options struct {
	Store  auth.SealedKeys
	Notes  auth.KeyNotes // nil: no other process serves from this database
	Files  Files
	Master MasterKey
	Dir    string // the data directory
	// Lives says for what time what a key makes is good: a token by its
	// signature, a derived secret for retries.
	Lives map[auth.KeyPurpose]time.Duration
	// MaxAge is how long others may keep the published keys without asking.
	MaxAge time.Duration
	Leeway time.Duration // how far clocks may be apart
	// Rotation is how long a key signs before another follows; 0: until
	// somebody says so.
	Rotation time.Duration
	Now      func() time.Time
	Events   auth.Events
	Logger   *slog.Logger
}

// Ring is the keys of one process. It is safe for concurrent use. What requests
// need of it (RotationKeys, Published, Keys, Check, the codec) is atomic, the
// keys an immutable snapshot: nobody waits for anybody. Whatever else is
// exported, but for Run, holds the lock from its beginning to its end, the
// database's answers included; what is not exported is called under it, or
// touches nothing that it guards.
type Ring struct {
	Options
	files    filed  // never changes
	id       string // of this process
	snapshot atomic.Pointer[snapshot]
	loaded   atomic.Int64 // when the last sound look at the database began, Unix ns
	running  atomic.Bool
	trouble  atomic.Pointer[trouble] // of the last poll

	mu      sync.Mutex // of what follows
	noted   time.Time  // when this process' note was written
	masters masters
	opened  map[string]material // by kid
	rows    []auth.SealedKey
	codec   *token.Codec
}

// New returns a ring that has not looked at the database yet.
func New(o Options) (*Ring, error) {
	files, err := o.Files.load()
	if err != nil {
		return nil, err
	}
	return &Ring{Options: o, files: files, id: rand.Text(), opened: map[string]material{}}, nil
}

// stored reports whether the ring of a purpose is in the database.
func (r *Ring) stored(p auth.KeyPurpose) bool { return !r.files.signing[p] }

// anyStored reports whether the database is needed at all.
func (r *Ring) anyStored() bool {
	for _, p := range auth.KeyPurposes() {
		if r.stored(p) {
			return true
		}
	}
	return false
}

// life is for how long a key must verify after it signed last.
func (r *Ring) life(p auth.KeyPurpose) time.Duration { return r.Lives[p] + 2*r.Leeway + slack }

// lead is for how long a key is published before it signs: until every replica
// has learnt of it and nobody keeps a set without it, by the fastest clock.
func (r *Ring) lead() time.Duration { return r.MaxAge + Learning + r.Leeway }

// Codec returns a codec that signs and verifies with the keys of the ring from
// now on. Its options' keys are the ring's. There is one codec to a ring.
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

// Published returns the JWK set of the access keys and the current one's PEM
// file. Both stay the same until the ring changes.
func (r *Ring) Published() (jwks, pem []byte) {
	s := r.snapshot.Load()
	return s.jwks, s.pem
}

// Keys lists the keys of all purposes, ended ones too, as of the last look.
func (r *Ring) Keys() []Key { return r.snapshot.Load().keys }

// outdated reports whether there may be keys that this replica does not know.
// A ring that nobody keeps up to date is not meant to be.
func (r *Ring) outdated(now time.Time) bool {
	return r.running.Load() && now.Sub(time.Unix(0, r.loaded.Load())) > Learning
}

// Check tells what is wrong with the ring, for readiness. A database that does
// not answer is told by others.
func (r *Ring) Check(context.Context) error {
	last := r.trouble.Load()
	if last == nil {
		return nil
	}
	for _, err := range []error{last.looking, last.noting} {
		if err != nil && auth.AsError(err).Code != auth.CodeUnavailable {
			return err
		}
	}
	return nil
}

// look reads the ring and brings the snapshot up to date. Trouble with the
// database leaves the keys that are known, which go on by the clock. The caller
// holds the lock.
func (r *Ring) look(ctx context.Context) (now time.Time, err error) {
	began := r.Now()
	rows, now, err := r.Store.SealedKeys(ctx)
	if err == nil {
		r.rows = rows
		err = r.open()
	}
	if err := errors.Join(err, r.update()); err != nil {
		return now, err
	}
	r.loaded.Store(began.UnixNano())
	return now, nil
}

// open decrypts the keys that were not seen before, and forgets those that are
// gone. The caller holds the lock.
func (r *Ring) open() error {
	var problems []error
	before := r.opened
	r.opened = make(map[string]material, len(r.rows))
	for _, k := range r.rows {
		if m, known := before[k.KID]; known {
			r.opened[k.KID] = m
			continue
		}
		m, err := r.masters.open(k)
		if errors.Is(err, errOtherMaster) {
			err = r.wrongMaster(k)
		}
		if err != nil {
			problems = append(problems, err)
			continue
		}
		r.opened[k.KID] = m
	}
	return errors.Join(problems...)
}

// update makes a snapshot of what is known and hands it to the codec. The
// caller holds the lock.
func (r *Ring) update() error {
	s, err := r.newSnapshot(r.Now())
	if err != nil {
		return err
	}
	if old := r.snapshot.Load(); old != nil && old.mark == s.mark {
		return nil
	}
	if r.codec != nil {
		if err := r.codec.Replace(s.access, s.refresh); err != nil {
			return err
		}
	}
	r.snapshot.Store(s)
	return nil
}

// event tells of a change of the ring by ctx's client, or by the clock if there
// is none. The change itself keeps it in the journal.
func (r *Ring) event(ctx context.Context, kind auth.EventKind, p auth.KeyPurpose, kid string) auth.Event {
	return auth.Event{Kind: kind, At: r.Now(), Client: auth.ClientFrom(ctx), Detail: fmt.Sprintf("%s %s", p, kid)}
}

func (r *Ring) emit(ctx context.Context, e auth.Event) {
	if r.Events != nil {
		r.Events.Emit(ctx, e)
	}
}
