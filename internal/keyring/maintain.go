package keyring

import (
	"context"
	"errors"
	"slices"
	"time"

	"rekey/internal/auth"
)

const (
	// startTries is how often start reads the ring again after it added keys.
	// Another replica may have added them first.
	startTries = 5
	// listedFor is how long a key stays listed after its end.
	listedFor = 10 * time.Minute
)

// start opens the ring and creates the keys that are missing.
func (r *Ring) start(ctx context.Context) error {
	if len(r.storedPurposes()) == 0 {
		return r.update()
	}
	for range startTries {
		if _, err := r.unlock(ctx, true); err != nil {
			return err
		}
		changed, err := r.ensureInitial(ctx)
		if err != nil {
			return err
		}
		if changed {
			continue
		}
		if _, err := r.look(ctx); err != nil {
			return err
		}
		return r.raiseLives(ctx)
	}
	return errors.New("the key ring in the database keeps changing")
}

// ensureInitial adds a first key for each purpose that has none that signs. It
// reports whether the ring has to be read again.
func (r *Ring) ensureInitial(ctx context.Context) (changed bool, err error) {
	for _, p := range r.storedPurposes() {
		if slices.ContainsFunc(r.rows[p], func(k auth.SealedKey) bool { return k.Number > 0 }) { // only keys that sign have a number
			continue
		}
		if _, _, err := r.addNext(ctx, newKey{purpose: p}); err != nil {
			return false, err
		}
		changed = true
	}
	return changed, nil
}

// health holds the errors of a poll: of keeping the ring up to date, and of
// writing this process's note and reading those of the others.
type health struct{ ring, notes error }

func (h health) err() error { return errors.Join(h.ring, h.notes) }

// logHealth logs when polls begin to fail and when they succeed again.
func (r *Ring) logHealth(ctx context.Context, previous *health, now health) {
	failed := previous != nil && previous.err() != nil
	switch {
	case now.err() != nil && !failed:
		r.options.Logger.WarnContext(ctx, "updating the key ring failed; will retry every second",
			"error", errors.Join(auth.Cause(now.ring), auth.Cause(now.notes)))
	case now.err() == nil && failed:
		r.options.Logger.InfoContext(ctx, "key ring up to date again")
	}
}

// poll takes the lock. It reads before it writes. If the database is read-only,
// replicas still learn of new keys, and keys still change state.
func (r *Ring) poll(ctx context.Context) (found health) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.storedPurposes()) > 0 {
		found.ring = r.maintain(ctx)
	}
	found.notes = r.renew(ctx)
	return found
}

// maintain reads the ring and does what is due.
func (r *Ring) maintain(ctx context.Context) error {
	now, err := r.look(ctx)
	if errors.Is(err, errNoKey) && len(r.rows) == 0 {
		return r.start(ctx) // the ring was reset
	}
	if err != nil {
		return err
	}
	if err := r.raiseLives(ctx); err != nil {
		return err
	}
	for _, p := range r.storedPurposes() {
		keys := judge(r.rows[p], now)
		if r.due(keys, now) {
			// If several replicas add a key, one succeeds: no two keys have the same number.
			if _, _, err := r.addNext(ctx, newKey{purpose: p, lead: r.lead()}); err != nil {
				return err
			}
		}
		for _, k := range keys {
			if k.state != Ended || now.Before(k.endsAt.Add(listedFor)) {
				continue
			}
			if err := r.options.Store.DeleteKey(ctx, k.KID, nil); err != nil {
				return err
			}
		}
	}
	return nil
}

// due reports whether it is time to add a next key. now is the database's time.
func (r *Ring) due(keys []keyState, now time.Time) bool {
	current := firstIn(keys, Current)
	return r.options.Rotation > 0 && current != nil && firstIn(keys, Next) == nil &&
		!now.Before(current.SignsFrom.Add(r.options.Rotation-r.lead()))
}

// raiseLives makes sure that a key verifies for as long as what this process
// signs with it is valid. It runs before this process signs with the key.
func (r *Ring) raiseLives(ctx context.Context) error {
	for _, p := range r.storedPurposes() {
		for _, k := range judge(r.rows[p], r.options.Now()) {
			if k.state != Current && k.state != Next || k.Life >= r.life(p) {
				continue
			}
			if err := r.options.Store.RaiseKeyLife(ctx, k.KID, r.life(p)); err != nil {
				return err
			}
		}
	}
	return nil
}
