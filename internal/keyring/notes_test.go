package keyring_test

import (
	"bytes"
	"context"
	"errors"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/keyring"
	"rekey/internal/token"
)

// A replica with keys of files starts only if the running replicas know them.
func TestRing_Notes(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	file := func(name string) string {
		key := newKey(t)
		public, err := token.PublicPEM(&key.PublicKey)
		if err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, name+".pub"), public)
		return write(t, filepath.Join(dir, name), privatePEM(t, key))
	}
	refresh := file("refresh")
	with := func(access string, verify ...string) keyring.Options {
		o := w.options(w.dir)
		o.Notes = w.st
		o.Files = keyring.Files{AccessPrivate: access, RefreshPrivate: refresh, AccessVerify: verify}
		return o
	}
	ofDatabase := w.options(w.dir)
	ofDatabase.Notes = w.st
	old, other := file("old"), file("other")
	a := w.start(with(old))
	start := func(o keyring.Options) error { return newRing(t, o).Start(t.Context()) }
	for name, test := range map[string]struct {
		o    keyring.Options
		want string
	}{
		"Other":        {with(other), "another replica signs with the access key"},
		"NotKnownYet":  {with(other, old+".pub"), "which another one does not know"},
		"FromDatabase": {ofDatabase, "another replica signs with the access key"},
	} {
		t.Run(name, func(t *testing.T) {
			if err := start(test.o); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
	if err := start(with(old)); err != nil {
		t.Errorf("the same keys: %v", err)
	}
	w.advance(20 * time.Second)
	a.poll() // it is still there
	w.advance(20 * time.Second)
	if err := start(with(other)); err == nil {
		t.Error("a running replica is ignored")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	a.Run(ended, nil)
	if err := start(with(other)); err != nil {
		t.Errorf("after the others have gone: %v", err)
	}
}

// If two replicas with different files start at the same time, at most one succeeds.
func TestRing_NotesTogether(t *testing.T) {
	w := newWorld(t)
	dir := t.TempDir()
	options := func(name string) keyring.Options {
		o := w.options(w.dir)
		o.Notes = w.st
		o.Files = keyring.Files{
			AccessPrivate:  write(t, filepath.Join(dir, name+"a"), privatePEM(t, newKey(t))),
			RefreshPrivate: write(t, filepath.Join(dir, name+"r"), privatePEM(t, newKey(t))),
		}
		return o
	}
	errs := make(chan error, 2)
	for _, name := range []string{"1", "2"} {
		r := newRing(t, options(name))
		go func() { errs <- r.Start(context.WithoutCancel(t.Context())) }()
	}
	if first, second := <-errs, <-errs; first == nil && second == nil {
		t.Error("both started")
	}
}

// unwritable is a database whose notes can be read but not written.
type unwritable struct {
	replicas
	broken atomic.Bool
}

type (
	replicas   interface{ auth.Replicas } // field names that differ from those of the methods
	sealedKeys interface{ auth.SealedKeys }
)

func (n *unwritable) SetReplicaKeys(ctx context.Context, replica string, keys map[auth.KeyPurpose]auth.ReplicaKeys) error {
	if n.broken.Load() {
		return auth.Unavailable(errors.New("read-only transaction"))
	}
	return n.replicas.SetReplicaKeys(ctx, replica, keys)
}

// unreadable is a database that may be unreachable.
type unreadable struct {
	sealedKeys
	broken atomic.Bool
}

func (s *unreadable) SealedKeys(ctx context.Context) ([]auth.SealedKey, time.Time, error) {
	if s.broken.Load() {
		return nil, time.Time{}, auth.Unavailable(errors.New("no database"))
	}
	return s.sealedKeys.SealedKeys(ctx)
}

// A replica whose note cannot be written learns of keys, and moves on by the
// clock, all the same.
func TestRing_NotesUnwritable(t *testing.T) {
	w := newWorld(t)
	o := w.options(w.dir)
	notes, keys := &unwritable{replicas: w.st}, &unreadable{sealedKeys: w.st}
	o.Notes, o.Store = notes, keys
	a := w.start(o)
	leaked, tok := a.one(auth.KeyAccess, keyring.Current), a.mint()
	notes.broken.Store(true)
	w.advance(time.Minute)
	if err := newRing(t, w.options(w.dir)).Retire(t.Context(), leaked.KID, true); err != nil {
		t.Fatal(err)
	}
	fails := func(when string, cause string) {
		t.Helper()
		if err := a.Poll(t.Context()); auth.AsError(err).Code != auth.CodeUnavailable || !strings.Contains(auth.Cause(err).Error(), cause) {
			t.Errorf("%s: %v", when, err)
		}
		if err := a.Check(t.Context()); err != nil {
			t.Errorf("%s: a failure of the database is reported as a failure of the keys: %v", when, err)
		}
	}
	fails("the key that follows", "read-only")
	if a.one(auth.KeyAccess, keyring.Next).KID == leaked.KID || !a.verifies(tok) {
		t.Error("it does not know the key that follows")
	}
	keys.broken.Store(true)
	w.advance(keyring.Propagation + leeway)
	fails("the end of the leaked key", "no database")
	if jwks, _ := a.Published(); bytes.Contains(jwks, []byte(leaked.KID)) || a.verifies(tok) || !a.verifies(a.mint()) {
		t.Error("without the database the keys do not change state")
	}
}

// A failure of the keys is reported even if the note cannot be written either.
func TestRing_Check(t *testing.T) {
	w := newWorld(t)
	o := w.options(w.dir)
	notes := &unwritable{replicas: w.st}
	o.Notes = notes
	a := w.start(o)
	ticks := make(chan time.Time)
	go a.Run(t.Context(), ticks)
	ticks <- time.Time{} // the first poll is done
	w.exec(`UPDATE sealed_keys SET kid = 'another' WHERE purpose = 'access'`)
	notes.broken.Store(true)
	w.advance(time.Minute)
	ticks <- time.Time{}
	ticks <- time.Time{} // the poll before this one is done
	if err := a.Check(t.Context()); err == nil || !strings.Contains(err.Error(), "altered") {
		t.Errorf("the check says %v", err)
	}
}
