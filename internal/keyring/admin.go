package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey/internal/auth"
)

// ErrWaiting is returned by Rotate while a next key waits for its turn.
var ErrWaiting = errors.New("a next key waits for its turn already")

// List returns the keys of the database and of this process' files, ended
// ones too. It needs no master key: what is not opened is told by its row.
func (r *Ring) List(ctx context.Context) ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.list(ctx)
}

// list is List. The caller holds the lock.
func (r *Ring) list(ctx context.Context) ([]Key, error) {
	rows, now, err := r.Store.SealedKeys(ctx)
	if err != nil {
		return nil, err
	}
	r.rows = rows
	var keys []Key
	for _, p := range auth.KeyPurposes() {
		keys = append(keys, r.files.list(p)...)
		for _, k := range judge(r.rowsOf(p), now) {
			key := k.key(false)
			key.Previous = len(r.masters) > 0 && k.Master != r.masters[0].id
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Examine lists the keys, and tells what keeps this process from using them. It
// makes nothing.
func (r *Ring) Examine(ctx context.Context) ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var locked error
	if r.anyStored() {
		locked = r.unlock(ctx, false)
	}
	if locked != nil && auth.AsError(locked).Code == auth.CodeUnavailable {
		return nil, locked
	}
	keys, err := r.list(ctx)
	return keys, errors.Join(err, locked)
}

// Rotate adds a next key for each purpose and returns them. It signs when all
// replicas have learnt of it and nobody keeps published keys without it.
// ErrWaiting when a purpose has a next key already: nothing was added for it.
func (r *Ring) Rotate(ctx context.Context, purposes ...auth.KeyPurpose) ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.unlock(ctx, false); err != nil {
		return nil, err
	}
	var added []string
	var problems []error
	for _, p := range purposes {
		kid, err := r.rotate(ctx, p)
		if err != nil {
			problems = append(problems, err)
			continue
		}
		added = append(added, kid)
	}
	keys, err := r.list(ctx)
	keys = slices.DeleteFunc(keys, func(k Key) bool { return !slices.Contains(added, k.KID) })
	return keys, errors.Join(append(problems, err)...)
}

// rotate is Rotate for one purpose. The caller holds the lock.
func (r *Ring) rotate(ctx context.Context, p auth.KeyPurpose) (kid string, err error) {
	if err := r.mayChange(p); err != nil {
		return "", err
	}
	m, err := generate(p)
	if err != nil {
		return "", err
	}
	return m.kid(), r.follow(ctx, p, m)
}

// mayChange fails where there is no ring to change. The caller holds the lock.
func (r *Ring) mayChange(p auth.KeyPurpose) error {
	switch {
	case !r.stored(p):
		return fmt.Errorf("the %s keys are read from files (see docs/keys.md): change those", p)
	case len(r.masters) == 0:
		return errors.New("there are no keys yet: they are made when the service starts")
	}
	return nil
}

// follow adds a key as the next one. The caller holds the lock.
func (r *Ring) follow(ctx context.Context, p auth.KeyPurpose, m material) error {
	_, now, err := r.Store.SealedKeys(ctx)
	if err != nil {
		return err
	}
	keys := r.judged(p, now)
	if next := firstIn(keys, Next); next != nil {
		return fmt.Errorf("%s: %w: %s, from %s", p, ErrWaiting, next.KID, next.SignsFrom.Format(time.RFC3339))
	}
	lead := r.lead()
	if len(keys) == 0 {
		lead = 0 // nobody signs yet
	}
	added, err := r.add(ctx, p, m, lastNumber(keys)+1, lead)
	if err == nil && !added {
		err = fmt.Errorf("%s: %w, or this key is in the ring", p, ErrWaiting)
	}
	return err
}

// Retire ends a key before its time: what it signed does not verify any more.
// A current key ends only if replace says so, in a few seconds, when a new one
// has taken its place. auth.ErrNotFound.
func (r *Ring) Retire(ctx context.Context, kid string, replace bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.unlock(ctx, false); err != nil {
		return err
	}
	_, now, err := r.Store.SealedKeys(ctx)
	if err != nil {
		return err
	}
	k := r.find(kid, now)
	if k == nil {
		return auth.ErrNotFound
	}
	var after time.Duration
	if k.state == Current {
		if !replace {
			return fmt.Errorf("%s is the current %s key: rotate, and wait until another signs; "+
				"or say --replace, and everything that it signed ends in %s", kid, k.Purpose, Learning+r.Leeway)
		}
		after = Learning + r.Leeway
		if err := r.replace(ctx, k.Purpose, now, after); err != nil {
			return err
		}
	}
	e := r.event(ctx, auth.EventKeyEnded, k.Purpose, kid)
	if err := r.Store.EndKey(ctx, kid, after, e); err != nil {
		return err
	}
	r.emit(ctx, e)
	return nil
}

// replace adds a key that signs as soon as every replica knows of it. The
// caller holds the lock.
func (r *Ring) replace(ctx context.Context, p auth.KeyPurpose, now time.Time, lead time.Duration) error {
	m, err := generate(p)
	if err != nil {
		return err
	}
	added, err := r.add(ctx, p, m, lastNumber(r.judged(p, now))+1, lead)
	if err == nil && !added {
		err = errors.New("somebody else changes the ring: look at the keys, and try again")
	}
	return err
}

// find returns a key by its id, or nil. The caller holds the lock.
func (r *Ring) find(kid string, now time.Time) *standing {
	for _, p := range auth.KeyPurposes() {
		for _, k := range r.judged(p, now) {
			if k.KID == kid {
				return &k
			}
		}
	}
	return nil
}

// Reencrypt seals every key with the first master key, and returns how many
// were sealed with another.
func (r *Ring) Reencrypt(ctx context.Context) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.unlock(ctx, false); err != nil {
		return 0, err
	}
	done := 0
	for _, k := range r.rows {
		if k.Master == r.masters[0].id {
			continue
		}
		anew, err := r.masters.seal(k.Purpose, r.opened[k.KID])
		if err != nil {
			return done, err
		}
		e := r.event(ctx, auth.EventKeyResealed, k.Purpose, k.KID)
		changed, err := r.Store.ResealKey(ctx, k.KID, k.Master, anew.Sealed, anew.Master, e)
		if err != nil {
			return done, err
		}
		if changed {
			done++
		}
	}
	return done, nil
}

// Reset deletes every key of the database, and returns how many: nothing that
// they signed verifies any more. The service makes new ones.
func (r *Ring) Reset(ctx context.Context) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rows, _, err := r.Store.SealedKeys(ctx)
	if err != nil {
		return 0, err
	}
	for i, k := range rows {
		e := r.event(ctx, auth.EventKeyEnded, k.Purpose, k.KID)
		if err := r.Store.DeleteKey(ctx, k.KID, e); err != nil {
			return i, err
		}
		r.emit(ctx, e)
	}
	return len(rows), nil
}
