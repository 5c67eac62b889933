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
	notesKept  = time.Hour
	forgetTime = time.Second // how long the end of a process may wait for its note to go
)

// note is what this process tells the others.
func (r *ring) note() map[auth.KeyPurpose]auth.KeyNote {
	s := r.live.snapshot.Load()
	all := map[auth.KeyPurpose]auth.KeyNote{}
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

// join makes sure that this process and those that run have each other's keys.
// A ring in the database is one for all; files may differ. It looks before its
// own note is there, so that nobody is troubled by a process that does not
// start, and after it, so that of two that start at once one sees the other.
func (r *ring) join(ctx context.Context) error {
	if r.options.Notes == nil {
		return nil
	}
	if err := r.compare(ctx); err != nil {
		return err
	}
	if err := r.options.Notes.WriteKeyNote(ctx, r.id, r.note()); err != nil {
		return err
	}
	r.noted = r.options.Now()
	if err := r.compare(ctx); err != nil {
		return errors.Join(err, r.options.Notes.DeleteKeyNotes(ctx, r.id, notesKept))
	}
	return nil
}

// renew keeps the note alive, and looks at the others'.
func (r *ring) renew(ctx context.Context) error {
	now := r.options.Now()
	if r.options.Notes == nil || now.Sub(r.noted) < noteEvery {
		return nil
	}
	if err := r.options.Notes.WriteKeyNote(ctx, r.id, r.note()); err != nil {
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

// leave takes the note away, so that a process with other keys may follow.
func (r *ring) leave(ctx context.Context) {
	if r.options.Notes == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), forgetTime)
	defer cancel()
	_ = r.options.Notes.DeleteKeyNotes(ctx, r.id, notesKept) // else it ends by its age
}

func (r *ring) compare(ctx context.Context) error {
	notes, err := r.options.Notes.KeyNotes(ctx, noteLasts)
	if err != nil {
		return err
	}
	mine := r.note()
	var problems []error
	for id, theirs := range notes {
		if id == r.id {
			continue
		}
		for _, p := range auth.KeyPurposes() {
			problems = append(problems, differ(p, mine[p], theirs[p]))
		}
	}
	return errors.Join(problems...)
}

// differ tells where one of two signs with what the other does not know.
func differ(p auth.KeyPurpose, mine, theirs auth.KeyNote) error {
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
