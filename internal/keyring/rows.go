package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"rekey/internal/auth"
)

// slack covers a replica that is slow to change to another key.
const slack = time.Minute

var (
	// ErrWaiting is returned by Rotate and Import if a next key has been added
	// and does not sign yet.
	ErrWaiting = errors.New("there is a next key already")

	errNoKey = errors.New("there is no key to sign with")
)

// stored reports whether the signing keys of a purpose are in the database. If
// not, they are in files.
func (r *Ring) stored(p auth.KeyPurpose) bool { return !r.files.sign(p) }

func (r *Ring) storedPurposes() []auth.KeyPurpose {
	return slices.DeleteFunc(auth.KeyPurposes(), r.files.sign)
}

// life is how long a key must verify after its last signature.
func (r *Ring) life(p auth.KeyPurpose) time.Duration {
	return r.options.Lives[p] + 2*r.options.Leeway + slack
}

// lead is how long a key is published before it signs. By then every replica
// knows the key and no cache that follows Cache-Control holds a set without it,
// whichever clock is fastest. Options.Lead is for the caches that do not.
func (r *Ring) lead() time.Duration {
	return max(r.options.Lead, r.options.MaxAge+r.leadNow())
}

// leadNow is the shortest time after which every replica knows a new key.
func (r *Ring) leadNow() time.Duration { return Propagation + r.options.Leeway }

// read reads the rows and the database's clock.
func (r *Ring) read(ctx context.Context) (now time.Time, err error) {
	rows, now, err := r.options.Store.SealedKeys(ctx)
	if err != nil {
		return now, err
	}
	r.rows = map[auth.KeyPurpose][]auth.SealedKey{}
	for _, k := range rows {
		r.rows[k.Purpose] = append(r.rows[k.Purpose], k)
	}
	return now, nil
}

// unlock reads the ring, loads the master keys and opens all keys. With create
// it creates a master key if there is none and the ring is empty.
func (r *Ring) unlock(ctx context.Context, create bool) (now time.Time, err error) {
	if now, err = r.read(ctx); err != nil {
		return now, err
	}
	if r.masters, err = r.options.Master.load(r.options.Dir, create && len(r.rows) == 0); err != nil {
		return now, err
	}
	return now, r.open()
}

// look reads the ring and updates the snapshot. If the database is unavailable,
// the known keys still change state as the clock passes their times.
func (r *Ring) look(ctx context.Context) (now time.Time, err error) {
	began := r.options.Now()
	now, err = r.read(ctx)
	if err == nil {
		err = r.open()
	}
	if err := errors.Join(err, r.update()); err != nil {
		return now, err
	}
	r.loaded.Store(began.UnixNano())
	return now, nil
}

// open decrypts new keys and drops keys that have no row.
func (r *Ring) open() error {
	var problems []error
	var locked []auth.SealedKey // by a master key that is not here
	previous := r.opened
	r.opened = map[string]keyMaterial{}
	for _, rows := range r.rows {
		for _, k := range rows {
			m, known := previous[k.KID]
			if !known {
				var err error
				if m, err = r.masters.open(k); err != nil {
					if errors.Is(err, errOtherMaster) {
						locked = append(locked, k)
					} else {
						problems = append(problems, err)
					}
					continue
				}
			}
			r.opened[k.KID] = m
		}
	}
	if len(locked) > 0 {
		problems = append(problems, r.explainMaster(locked))
	}
	return errors.Join(problems...)
}

// explainMaster returns one error for all keys that are encrypted with a master
// key that this process does not have. It says how to provide that key.
func (r *Ring) explainMaster(locked []auth.SealedKey) error {
	var ids []string
	for _, k := range locked {
		if !slices.Contains(ids, k.Master) {
			ids = append(ids, k.Master)
		}
	}
	slices.Sort(ids)
	has := "there is no master key here"
	if len(r.masters) > 0 {
		has = "the master key here is " + r.masters[0].id
	}
	hint := "give this process the master key of the other replicas (MASTER_KEY, MASTER_KEY_FILE, or master.key in DATA_DIR), " +
		"add a previous one as MASTER_KEY_PREVIOUS, or, if it is lost, run rekey keys reset, after which all users have to sign in again"
	if slices.ContainsFunc(ids, func(id string) bool { return inMasterFile(r.options.Dir, id) }) {
		hint = "master.key in DATA_DIR is that one: unset MASTER_KEY and MASTER_KEY_FILE; or, to change to another master key, " +
			"set MASTER_KEY_PREVIOUS_FILE to that file and run rekey keys reencrypt"
	}
	return Misconfigured{fmt.Errorf("the keys in the database are encrypted with the master key %s, and %s: %s",
		strings.Join(ids, " or "), has, hint)}
}

// Misconfigured is an error that lasts until this process is given other keys.
type Misconfigured struct{ error }

// Unwrap returns the error itself.
func (m Misconfigured) Unwrap() error { return m.error }

// newKey describes a key to add. It becomes the next one of its purpose.
type newKey struct {
	purpose  auth.KeyPurpose
	material *keyMaterial  // nil: generate one
	lead     time.Duration // until it signs; the first key of a purpose signs at once
	// verifyFor is set for a key that never signs: how long it verifies.
	verifyFor time.Duration
}

// addNext encrypts a key and adds it to the ring. It reports false if another
// process has added a next key in the meantime, or if the ring has this key.
func (r *Ring) addNext(ctx context.Context, n newKey) (kid string, added bool, err error) {
	m := n.material
	if m == nil {
		if m, err = generate(n.purpose); err != nil {
			return "", false, err
		}
	}
	k, err := r.masters.seal(n.purpose, *m)
	if err != nil {
		return "", false, err
	}
	var last int64
	for _, row := range r.rows[n.purpose] {
		last = max(last, row.Number)
	}
	k.Number, k.Life = last+1, r.life(n.purpose)
	lead := n.lead
	if n.verifyFor > 0 {
		k.Number, k.Life = 0, n.verifyFor
	} else if last == 0 {
		lead = 0 // no key signs yet
	}
	e := r.event(ctx, auth.EventKeyAdded, n.purpose, k.KID)
	added, err = r.options.Store.AddKey(ctx, k, lead, &e)
	if added && k.Number != 1 { // the first key changes nothing
		r.emit(ctx, e)
	}
	return k.KID, added, err
}

// event returns the event of a change by ctx's client, or by the clock if ctx
// has none. The store writes it to the journal together with the change.
func (r *Ring) event(ctx context.Context, kind auth.EventKind, p auth.KeyPurpose, kid string) auth.Event {
	return auth.Event{Kind: kind, At: r.options.Now(), Client: auth.ClientFrom(ctx), Detail: fmt.Sprintf("%s %s", p, kid)}
}

func (r *Ring) emit(ctx context.Context, e auth.Event) {
	if r.options.Events != nil {
		r.options.Events.Emit(ctx, e)
	}
}
