package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey/internal/auth"
)

// List returns the keys of the database and of this process's files, including
// ended ones. It needs no master key.
func (r *Ring) List(ctx context.Context) ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.list(ctx)
}

func (r *Ring) list(ctx context.Context) ([]Key, error) {
	now, err := r.read(ctx)
	if err != nil {
		return nil, err
	}
	var keys []Key
	for _, p := range auth.KeyPurposes() {
		keys = append(keys, r.files.list(p)...)
		for _, k := range judge(r.rows[p], now) {
			key := k.key(false)
			key.Previous = len(r.masters) > 0 && k.Master != r.masters[0].id
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// Diagnose returns the keys, and an error that says what keeps this process
// from using them. It creates nothing.
func (r *Ring) Diagnose(ctx context.Context) ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var locked error
	if len(r.storedPurposes()) > 0 {
		_, locked = r.unlock(ctx, false)
	}
	if locked != nil && auth.AsError(locked).Code == auth.CodeUnavailable {
		return nil, locked
	}
	keys, err := r.list(ctx)
	return keys, errors.Join(err, locked)
}

// Rotate adds a next key for each purpose and returns the added keys. A next key
// signs once all replicas know it and nobody caches a set of published keys
// without it. If a purpose has a next key already, Rotate adds none for it and
// its error wraps ErrWaiting.
func (r *Ring) Rotate(ctx context.Context, purposes ...auth.KeyPurpose) ([]Key, error) {
	return r.rotate(ctx, purposes, r.addByOperator)
}

// RotateNow is Rotate, but the keys sign as soon as all replicas know them, also
// before a next key that waits. CacheCost returns what that costs.
func (r *Ring) RotateNow(ctx context.Context, purposes ...auth.KeyPurpose) ([]Key, error) {
	return r.rotate(ctx, purposes, r.addNow)
}

// CacheCost returns, for operators, which services refuse the tokens of an access
// key that signs before its lead time has passed, and for how long.
func (r *Ring) CacheCost() string {
	return fmt.Sprintf("services that check access tokens with the published keys may refuse new tokens until they fetch the keys again: "+
		"for up to %s (JWKS_MAX_AGE), or longer if their library ignores Cache-Control; users stay signed in", r.options.MaxAge)
}

// rotate adds a key for each purpose and returns the added keys.
func (r *Ring) rotate(
	ctx context.Context, purposes []auth.KeyPurpose, add func(context.Context, newKey, time.Time) (kid string, err error),
) ([]Key, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, err := r.unlock(ctx, false)
	if err != nil {
		return nil, err
	}
	var added []string
	var problems []error
	for _, p := range purposes {
		kid, err := add(ctx, newKey{purpose: p}, now)
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

// Retire ends a key before its time, so that what it signed no longer verifies.
// It ends a current key only if replace is true, and then adds a new key and
// ends the old one a few seconds later, when the new one signs. It returns
// auth.ErrNotFound if there is no such key.
func (r *Ring) Retire(ctx context.Context, kid string, replace bool) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	now, err := r.unlock(ctx, false)
	if err != nil {
		return err
	}
	k := r.find(kid, now)
	if k == nil {
		return auth.ErrNotFound
	}
	var after time.Duration
	if k.state == Current {
		after = r.leadNow()
		if !replace {
			return fmt.Errorf("%s is the current %s key: rotate, and wait until another key signs; "+
				"or pass --replace, which invalidates everything that it signed in %s", kid, k.Purpose, after)
		}
		_, added, err := r.addNext(ctx, newKey{purpose: k.Purpose, lead: after})
		if err != nil {
			return err
		}
		if !added {
			return errors.New("another process is changing the ring: list the keys, and try again")
		}
	}
	e := r.event(ctx, auth.EventKeyEnded, k.Purpose, kid)
	if err := r.options.Store.EndKey(ctx, kid, after, &e); err != nil {
		return err
	}
	r.emit(ctx, e)
	return nil
}

// find returns the key with an id, or nil.
func (r *Ring) find(kid string, now time.Time) *keyState {
	for _, rows := range r.rows {
		for _, k := range judge(rows, now) {
			if k.KID == kid {
				return &k
			}
		}
	}
	return nil
}

// Reencrypt encrypts every key with the first master key, and returns how many
// were encrypted with another one.
func (r *Ring) Reencrypt(ctx context.Context) (done int, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, err := r.unlock(ctx, false); err != nil {
		return 0, err
	}
	for _, p := range auth.KeyPurposes() {
		for _, k := range r.rows[p] {
			if k.Master == r.masters[0].id {
				continue
			}
			sealed, err := r.masters.seal(p, r.opened[k.KID])
			if err != nil {
				return done, err
			}
			e := r.event(ctx, auth.EventKeyResealed, p, k.KID)
			changed, err := r.options.Store.ResealKey(ctx, k.KID, k.Master, sealed.Sealed, sealed.Master, &e)
			if err != nil {
				return done, err
			}
			if changed {
				done++
			}
		}
	}
	return done, nil
}

// Reset deletes every key of the database and returns how many there were. What
// they signed no longer verifies. The service creates new keys.
func (r *Ring) Reset(ctx context.Context) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	rows, _, err := r.options.Store.SealedKeys(ctx)
	if err != nil {
		return 0, err
	}
	for i, k := range rows {
		e := r.event(ctx, auth.EventKeyEnded, k.Purpose, k.KID)
		if err := r.options.Store.DeleteKey(ctx, k.KID, &e); err != nil {
			return i, err
		}
		r.emit(ctx, e)
	}
	return len(rows), nil
}
