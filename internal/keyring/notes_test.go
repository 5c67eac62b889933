package keyring_test

import (
	"context"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/internal/keyring"
	"rekey/internal/token"
)

// Replicas with keys of files start only beside those that know them.
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
		t.Error("a running replica was forgotten")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	a.Run(ended, nil)
	if err := start(with(other)); err != nil {
		t.Errorf("after the others have gone: %v", err)
	}
}

// Of two that start at once with different files, not both do.
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
