package keyring

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rekey/internal/auth"
)

const (
	noteEvery  = 10 * time.Second
	noteLasts  = 3 * noteEvery
	forgetTime = time.Second // bounds the withdrawal when the process ends
)

// note returns the keys that this process reports.
func (r *Ring) note() map[auth.KeyPurpose]auth.ReplicaKeys {
	s := r.snapshot.Load()
	all := map[auth.KeyPurpose]auth.ReplicaKeys{}
	for _, k := range s.keys {
		n := all[k.Purpose]
		n.File = !r.stored(k.Purpose)
		if k.State == Current {
			n.Signs = k.KID
		}
		if k.State != Ended {
			n.Knows = append(n.Knows, k.KID)
		}
		all[k.Purpose] = n
	}
	return all
}

// join makes sure that this process and the replicas that run have each other's
// keys. All replicas share a ring in the database, but their files may differ.
// join compares before it reports its own keys, so that a process that does not
// start causes no error elsewhere, and again afterwards, so that of two that
// start at the same time one finds the other.
func (r *Ring) join(ctx context.Context) error {
	if r.options.Notes == nil {
		return nil
	}
	if err := r.compare(ctx); err != nil {
		return err
	}
	if err := r.options.Notes.SetReplicaKeys(ctx, r.id, r.note()); err != nil {
		return err
	}
	r.noted = r.options.Now()
	if err := r.compare(ctx); err != nil {
		return errors.Join(err, r.options.Notes.SetReplicaKeys(ctx, r.id, nil))
	}
	return nil
}

// renew reports the keys again and compares them with the others'.
func (r *Ring) renew(ctx context.Context) error {
	now := r.options.Now()
	if r.options.Notes == nil || now.Sub(r.noted) < noteEvery {
		return nil
	}
	if err := r.options.Notes.SetReplicaKeys(ctx, r.id, r.note()); err != nil {
		return err
	}
	r.noted = now
	err := r.compare(ctx)
	if err != nil && auth.AsError(err).Code != auth.CodeUnavailable {
		r.options.Logger.ErrorContext(ctx, "replicas have different keys", "error", err)
		return nil
	}
	return err
}

// leave withdraws the report, so that a process with other keys can start. It
// leaves the rest of the replica's row as it is: what the replica wrote to still
// limits which caches the others trust.
func (r *Ring) leave(ctx context.Context) {
	if r.options.Notes == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetTime)
	defer cancel()
	_ = r.options.Notes.SetReplicaKeys(ctx, r.id, nil) // otherwise it expires
}

func (r *Ring) compare(ctx context.Context) error {
	replicas, err := r.options.Notes.Replicas(ctx, noteLasts)
	if err != nil {
		return err
	}
	mine := r.note()
	var problems []error
	for _, other := range replicas {
		if other.ID == r.id || other.Keys == nil { // a command has no keys
			continue
		}
		for _, p := range auth.KeyPurposes() {
			problems = append(problems, differ(p, mine[p], other.Keys[p]))
		}
	}
	return errors.Join(problems...)
}

// differ returns an error if one of two replicas signs with a key that the other
// does not know.
func differ(p auth.KeyPurpose, mine, theirs auth.ReplicaKeys) error {
	const hint = "give all replicas on this database the same keys; to change them, see docs/keys.md (if that replica is gone, wait half a minute)"
	switch {
	case !mine.File && !theirs.File:
		return nil
	case !slices.Contains(mine.Knows, theirs.Signs):
		return Misconfigured{fmt.Errorf("another replica signs with the %s key %s, which this one does not know: %s", p, theirs.Signs, hint)}
	case !slices.Contains(theirs.Knows, mine.Signs):
		return Misconfigured{fmt.Errorf("this replica signs with the %s key %s, which another one does not know: %s", p, mine.Signs, hint)}
	}
	return nil
}
