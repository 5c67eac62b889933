package keyring

import (
	"context"
	"errors"
	"time"

	"rekey/internal/auth"
)

// startTries is how often Start looks again after somebody else added the key
// that it was about to add.
const startTries = 5

// Start makes the ring ready to sign: it opens the keys in the database and
// creates those that are missing. Replicas that start at the same time on an
// empty database end up with the same ring. It fails, with a message for
// operators, if the master key is not the one that the ring is encrypted with.
func (r *Ring) Start(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.begin(ctx); err != nil {
		return err
	}
	return r.join(ctx)
}

// begin opens the ring and fills it. The caller holds the lock.
func (r *Ring) begin(ctx context.Context) error {
	if !r.anyStored() {
		return r.update()
	}
	for range startTries {
		if err := r.unlock(ctx, true); err != nil {
			return err
		}
		missing, err := r.fill(ctx)
		if err != nil {
			return err
		}
		if missing {
			continue
		}
		if _, err := r.look(ctx); err != nil {
			return err
		}
		return r.raiseLives(ctx)
	}
	return errors.New("the key ring in the database keeps changing")
}

// unlock reads the ring and opens all of it. A master key is made only for a
// ring that has nothing in it. The caller holds the lock.
func (r *Ring) unlock(ctx context.Context, create bool) error {
	rows, _, err := r.Store.SealedKeys(ctx)
	if err != nil {
		return err
	}
	if r.masters, err = r.Master.load(r.Dir, create && len(rows) == 0); err != nil {
		return err
	}
	r.rows = rows
	return r.open()
}

// fill adds a first key for each purpose that has none. It reports whether it
// is to look again. The caller holds the lock.
func (r *Ring) fill(ctx context.Context) (changed bool, err error) {
	for _, p := range auth.KeyPurposes() {
		if !r.stored(p) || r.begun(p) {
			continue
		}
		m, err := generate(p)
		if err != nil {
			return false, err
		}
		if _, err := r.add(ctx, p, m, 1, 0); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// begun reports whether a purpose has a key that signs. The caller holds the
// lock.
func (r *Ring) begun(p auth.KeyPurpose) bool {
	for _, k := range r.rowsOf(p) {
		if k.Number > 0 {
			return true
		}
	}
	return false
}

// knows reports whether a key is in the ring. The caller holds the lock.
func (r *Ring) knows(kid string) bool {
	for _, k := range r.rows {
		if k.KID == kid {
			return true
		}
	}
	return false
}

// raiseLives makes sure, before this process signs with a key, that the key is
// kept for as long as what it signs here is good. The caller holds the lock.
func (r *Ring) raiseLives(ctx context.Context) error {
	for _, k := range r.Keys() {
		if k.File || k.State != Current && k.State != Next || r.lifeOf(k.KID) >= r.life(k.Purpose) {
			continue
		}
		if err := r.Store.RaiseKeyLife(ctx, k.KID, r.life(k.Purpose)); err != nil {
			return err
		}
	}
	return nil
}

// lifeOf returns the life of a key. The caller holds the lock.
func (r *Ring) lifeOf(kid string) (life time.Duration) {
	for _, k := range r.rows {
		if k.KID == kid {
			life = k.Life
		}
	}
	return life
}
