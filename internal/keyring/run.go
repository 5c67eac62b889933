package keyring

import (
	"context"
	"errors"
	"time"

	"rekey/internal/auth"
)

// Run keeps the ring up to date until ctx ends: it learns of changes, moves on
// by the clock, adds keys that are due and deletes those that ended. Start must
// have succeeded. ticks replaces the seconds; nil for real ones.
func (r *Ring) Run(ctx context.Context, ticks <-chan time.Time) {
	defer r.leave(ctx)
	if ticks == nil {
		ticker := time.NewTicker(pollEvery)
		defer ticker.Stop()
		ticks = ticker.C
	}
	r.running.Store(r.anyStored())
	defer r.running.Store(false)
	for {
		found := r.poll(ctx)
		if ctx.Err() != nil {
			return
		}
		r.tell(ctx, found)
		select {
		case <-ctx.Done():
			return
		case <-ticks:
		}
	}
}

// trouble is what a poll failed with: looking at the ring and keeping it up to
// date, and keeping this process' note and reading the others'.
type trouble struct{ looking, noting error }

func (t trouble) err() error { return errors.Join(t.looking, t.noting) }

// tell logs when polls begin to fail and when they are well again.
func (r *Ring) tell(ctx context.Context, found trouble) {
	before := r.trouble.Swap(&found)
	failed := before != nil && before.err() != nil
	switch {
	case found.err() != nil && !failed:
		r.Logger.WarnContext(ctx, "the key ring cannot be kept up to date",
			"cause", errors.Join(auth.Cause(found.looking), auth.Cause(found.noting)))
	case found.err() == nil && failed:
		r.Logger.InfoContext(ctx, "the key ring is up to date again")
	}
}

// Poll looks at the database once and does what is due. A ring that was reset
// begins anew.
func (r *Ring) Poll(ctx context.Context) error { return r.poll(ctx).err() }

// poll looks before it writes: a database that can be read and not written must
// keep no replica from learning of keys, or from moving on by the clock.
func (r *Ring) poll(ctx context.Context) (found trouble) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.anyStored() {
		found.looking = r.lookAndKeep(ctx)
	}
	found.noting = r.renew(ctx)
	return found
}

// lookAndKeep looks, and does what is due. The caller holds the lock.
func (r *Ring) lookAndKeep(ctx context.Context) error {
	now, err := r.look(ctx)
	if errors.Is(err, errNoKey) && len(r.rows) == 0 {
		return r.begin(ctx)
	}
	if err != nil {
		return err
	}
	if err := r.raiseLives(ctx); err != nil {
		return err
	}
	for _, p := range auth.KeyPurposes() {
		if !r.stored(p) {
			continue
		}
		if err := r.keepUp(ctx, p, now); err != nil {
			return err
		}
	}
	return nil
}

// keepUp adds the key of a purpose that is due, and deletes those that ended a
// while ago. now is the database's clock. Replicas that do so at once add one:
// a number is taken once. The caller holds the lock.
func (r *Ring) keepUp(ctx context.Context, p auth.KeyPurpose, now time.Time) error {
	keys := r.judged(p, now)
	current := firstIn(keys, Current)
	if r.Rotation > 0 && current != nil && firstIn(keys, Next) == nil && !now.Before(current.SignsFrom.Add(r.Rotation-r.lead())) {
		if _, err := r.addNext(ctx, p, keys); err != nil {
			return err
		}
	}
	for _, k := range keys {
		if k.state != Ended || now.Before(k.endsAt.Add(keptFor)) {
			continue
		}
		if err := r.Store.DeleteKey(ctx, k.KID); err != nil {
			return err
		}
	}
	return nil
}

// judged says where the keys of a purpose stand. The caller holds the lock.
func (r *Ring) judged(p auth.KeyPurpose, now time.Time) []standing {
	return judge(r.rowsOf(p), now)
}

// addNext makes the key that follows and publishes it; false when somebody
// else just did. The caller holds the lock.
func (r *Ring) addNext(ctx context.Context, p auth.KeyPurpose, keys []standing) (bool, error) {
	m, err := generate(p)
	if err != nil {
		return false, err
	}
	return r.add(ctx, p, m, lastNumber(keys)+1, r.lead())
}

func lastNumber(keys []standing) (last int64) {
	for _, k := range keys {
		last = max(last, k.Number)
	}
	return last
}

// add seals a key and adds it to the ring. The caller holds the lock.
func (r *Ring) add(ctx context.Context, p auth.KeyPurpose, m material, number int64, lead time.Duration) (bool, error) {
	k, err := r.masters.seal(p, m)
	if err != nil {
		return false, err
	}
	k.Number, k.Life = number, r.life(p)
	e := r.event(ctx, auth.EventKeyAdded, p, k.KID)
	added, err := r.Store.AddKey(ctx, k, lead, e)
	if added && r.begun(p) { // the first keys change nothing
		r.emit(ctx, e)
	}
	return added, err
}
