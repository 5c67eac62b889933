package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey/internal/auth"
)

func (r *ring) list(ctx context.Context) ([]Key, error) {
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

func (r *ring) diagnose(ctx context.Context) ([]Key, error) {
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

// rotate adds a key for each purpose and returns the added keys.
func (r *ring) rotate(
	ctx context.Context, purposes []auth.KeyPurpose, add func(context.Context, newKey, time.Time) (kid string, err error),
) ([]Key, error) {
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

func (r *ring) retire(ctx context.Context, kid string, replace bool) error {
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
func (r *ring) find(kid string, now time.Time) *keyState {
	for _, rows := range r.rows {
		for _, k := range judge(rows, now) {
			if k.KID == kid {
				return &k
			}
		}
	}
	return nil
}

func (r *ring) reencrypt(ctx context.Context) (done int, err error) {
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

func (r *ring) reset(ctx context.Context) (int, error) {
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
