package keyring_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/keyring"
	"rekey/internal/token"
)

// A rotation on two replicas, second by second: both verify all tokens that
// either signs, and a key is published for MaxAge before it signs.
func TestRing_Rotate(t *testing.T) {
	w := newWorld(t)
	a, b := w.start(w.options(w.dir)), w.start(w.options(w.dir))
	first := a.one(auth.KeyAccess, keyring.Current)
	admin := newRing(t, w.options(w.dir))
	added, err := admin.Rotate(t.Context(), auth.KeyPurposes()...)
	if err != nil || len(added) != 3 || !added[0].SignsFrom.Equal(w.clock().Add(lead)) {
		t.Fatalf("%+v, %v", added, err)
	}
	b.poll()
	jwks, _ := b.Published()
	if next := b.one(auth.KeyAccess, keyring.Next); !bytes.Contains(jwks, []byte(next.KID)) {
		t.Error("the next key is not published")
	}
	if _, err := admin.Rotate(t.Context(), auth.KeyAccess); !errors.Is(err, keyring.ErrWaiting) {
		t.Errorf("a second next key: %v", err)
	}
	w.advance(lead - time.Second)
	before := a.mint()
	a.poll()
	w.advance(time.Second) // b reads the ring later
	a.poll()
	after, late := a.mint(), b.mint()
	if a.one(auth.KeyAccess, keyring.Current).KID == first.KID {
		t.Error("the next key does not sign")
	}
	b.poll()
	for name, tok := range map[string]string{"Before": before, "After": after, "Late": late} {
		for i, r := range []*replica{a, b} {
			if !r.verifies(tok) {
				t.Errorf("replica %d refuses a token: %s", i, name)
			}
		}
	}
	w.advance(accessLife + 2*leeway)
	a.poll()
	if got := a.one(auth.KeyAccess, keyring.Retired); got.KID != first.KID {
		t.Errorf("retired: %+v", got)
	}
	w.advance(time.Minute)
	a.poll()
	if a.count(keyring.Ended) != 1 || a.count(keyring.Retired) != 2 {
		t.Errorf("after the last access token: %+v", a.Keys())
	}
	if jwks, _ := a.Published(); bytes.Contains(jwks, []byte(first.KID)) {
		t.Error("an ended key is published")
	}
	w.advance(48 * time.Hour)
	a.poll()
	b.poll()
	if len(b.Keys()) != 3 {
		t.Errorf("ended keys stay: %+v", b.Keys())
	}
}

// With a lead time, a scheduled key signs when it has passed. A key of RotateNow
// signs as soon as all replicas know it, also while another one waits.
func TestRing_Lead(t *testing.T) {
	w := newWorld(t)
	o := w.options(w.dir)
	o.Lead = 24 * time.Hour
	a, admin := w.start(o), newRing(t, o)
	waiting, err := admin.Rotate(t.Context(), auth.KeyAccess)
	if err != nil || !waiting[0].SignsFrom.Equal(w.clock().Add(o.Lead)) {
		t.Fatalf("%+v, %v", waiting, err)
	}
	now, err := admin.RotateNow(t.Context(), auth.KeyAccess)
	if err != nil || !now[0].SignsFrom.Equal(w.clock().Add(keyring.Propagation+leeway)) {
		t.Fatalf("%+v, %v", now, err)
	}
	if cost := admin.CacheCost(); !strings.Contains(cost, maxAge.String()) {
		t.Errorf("the cost is reported as %q", cost)
	}
	before := a.mint()
	w.advance(keyring.Propagation + leeway)
	a.poll()
	if got := a.one(auth.KeyAccess, keyring.Current).KID; got != now[0].KID || !a.verifies(before) || !a.verifies(a.mint()) {
		t.Errorf("current: %s", got)
	}
	w.advance(o.Lead)
	a.poll()
	if got := a.one(auth.KeyAccess, keyring.Current).KID; got != waiting[0].KID || !a.verifies(a.mint()) {
		t.Errorf("current: %s, not the one that waited", got)
	}
	o.Lead = time.Second
	short, err := newRing(t, o).Rotate(t.Context(), auth.KeyAccess)
	if err != nil || !short[0].SignsFrom.Equal(w.clock().Add(lead)) {
		t.Errorf("with a lead below JWKS_MAX_AGE: %+v, %v", short, err)
	}
}

// If keys are due on two replicas, one of them adds the keys.
func TestRing_Schedule(t *testing.T) {
	w := newWorld(t)
	o := w.options(w.dir)
	o.Rotation = 24 * time.Hour
	a, b := w.start(o), w.start(o)
	w.advance(o.Rotation - lead - time.Microsecond)
	a.poll()
	if a.poll(); a.count(keyring.Next) != 0 {
		t.Error("too early")
	}
	w.advance(time.Microsecond)
	var done sync.WaitGroup
	done.Go(a.poll)
	done.Go(b.poll)
	done.Wait()
	a.poll()
	if a.count(keyring.Next) != 3 || len(a.Keys()) != 6 {
		t.Errorf("keys: %+v", a.Keys())
	}
	w.advance(lead)
	a.poll()
	if a.count(keyring.Current) != 3 || a.count(keyring.Next) != 0 {
		t.Errorf("keys: %+v", a.Keys())
	}
}

// Replicas that start at the same time on an empty database end up with one ring.
func TestRing_StartTogether(t *testing.T) {
	w := newWorld(t)
	replicas := make([]*replica, 8)
	var done sync.WaitGroup
	for i := range replicas {
		done.Go(func() { replicas[i] = w.start(w.options(w.dir)) })
	}
	done.Wait()
	for _, r := range replicas {
		if !replicas[0].verifies(r.mint()) || !bytes.Equal(r.RotationKeys()[0], replicas[0].RotationKeys()[0]) {
			t.Error("replicas have different keys")
		}
	}
	if len(replicas[0].Keys()) != 3 {
		t.Errorf("keys: %+v", replicas[0].Keys())
	}
	info, err := os.Stat(filepath.Join(w.dir, "master.key"))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("master.key: %v, %v", info, err)
	}
}

func hexKey(digit string) string { return strings.Repeat(digit, 64) }

func TestRing_MasterKey(t *testing.T) {
	w := newWorld(t)
	with := func(current, previous string) keyring.Options {
		o := w.options(t.TempDir())
		o.Master = keyring.MasterKey{Key: current, Previous: previous}
		return o
	}
	tok := w.start(with(hexKey("a"), "")).mint()
	t.Run("ErrLost", func(t *testing.T) {
		o := with("", "")
		err := newRing(t, o).Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), "there is no master key here") || !strings.Contains(err.Error(), "MASTER_KEY_FILE") {
			t.Errorf("error %v", err)
		}
		if entries, _ := os.ReadDir(o.Dir); len(entries) > 0 {
			t.Error("a master key was created that decrypts nothing")
		}
	})
	t.Run("ErrWrong", func(t *testing.T) {
		err := newRing(t, with(hexKey("b"), "")).Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), "the master key here is") || !strings.Contains(err.Error(), "keys reset") {
			t.Errorf("error %v", err)
		}
		if text := err.Error(); strings.Contains(text, "\n") || strings.Contains(text, ". ") || strings.Count(text, "encrypted") != 1 {
			t.Errorf("it is not one sentence: %s", text)
		}
	})
	t.Run("ErrWrongBesideFile", func(t *testing.T) {
		o := with(hexKey("b"), "")
		write(t, filepath.Join(o.Dir, "master.key"), []byte(hexKey("a")))
		r := newRing(t, o)
		err := r.Start(t.Context())
		if err == nil || !strings.Contains(err.Error(), "master.key in DATA_DIR is that one") {
			t.Errorf("error %v", err)
		}
		if keys, err := r.Rotate(t.Context(), auth.KeyPurposes()...); err == nil {
			t.Errorf("keys were encrypted with a mistaken master key: %v", keys)
		}
	})
	t.Run("FromFile", func(t *testing.T) {
		o := with(hexKey("b"), "# an old key\n"+hexKey("a")+"\n")
		write(t, filepath.Join(o.Dir, "master.key"), []byte(hexKey("a")))
		r := newRing(t, o)
		if err := r.Start(t.Context()); err != nil {
			t.Error(err)
		}
		keys, err := r.Diagnose(t.Context())
		if err != nil || len(keys) != 3 || !keys[0].Previous || keys[0].Master == "" {
			t.Errorf("%+v, %v", keys, err)
		}
	})
	t.Run("ErrOpenToOthers", func(t *testing.T) {
		o := w.options(t.TempDir())
		path := write(t, filepath.Join(o.Dir, "master.key"), []byte(hexKey("a")))
		if err := os.Chmod(path, 0o644); err != nil {
			t.Fatal(err)
		}
		if err := newRing(t, o).Start(t.Context()); err == nil || !strings.Contains(err.Error(), "chmod 600") {
			t.Errorf("error %v", err)
		}
	})
	t.Run("Reencrypt", func(t *testing.T) {
		o := with(hexKey("b"), hexKey("a"))
		r := w.start(o)
		if !r.verifies(tok) {
			t.Error("the previous master key does not decrypt")
		}
		if n, err := newRing(t, o).Reencrypt(t.Context()); n != 3 || err != nil {
			t.Errorf("%d keys, %v", n, err)
		}
		r.poll()
		if !w.start(with(hexKey("b"), "")).verifies(tok) {
			t.Error("the new master key alone does not decrypt")
		}
		if err := newRing(t, with(hexKey("a"), "")).Start(t.Context()); err == nil {
			t.Error("the old master key still decrypts")
		}
	})
	t.Run("Reset", func(t *testing.T) {
		r := w.start(with(hexKey("b"), ""))
		if n, err := newRing(t, with(hexKey("c"), "")).Reset(t.Context()); n != 3 || err != nil {
			t.Errorf("%d keys, %v", n, err)
		}
		r.poll()
		if r.verifies(tok) || !w.start(with(hexKey("b"), "")).verifies(r.mint()) {
			t.Error("the ring has no new keys")
		}
	})
}

// An attacker who can change the database cannot replace a key or use it in place
// of another.
func TestRing_Altered(t *testing.T) {
	for name, statement := range map[string]string{
		"Purpose": `UPDATE sealed_keys SET purpose = 'refresh', number = 2 WHERE purpose = 'access'`,
		"ID":      `UPDATE sealed_keys SET kid = 'another' WHERE purpose = 'access'`,
		"Sealed":  `UPDATE sealed_keys SET sealed = (SELECT sealed FROM sealed_keys WHERE purpose = 'refresh') WHERE purpose = 'access'`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.start(w.options(w.dir))
			w.exec(statement)
			if err := newRing(t, w.options(w.dir)).Start(t.Context()); err == nil || !strings.Contains(err.Error(), "altered") {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestRing_Retire(t *testing.T) {
	w := newWorld(t)
	a := w.start(w.options(w.dir))
	admin := newRing(t, w.options(w.dir))
	old, oldKey := a.mint(), a.one(auth.KeyAccess, keyring.Current)
	if err := admin.Retire(t.Context(), oldKey.KID, false); err == nil || !strings.Contains(err.Error(), "--replace") {
		t.Errorf("the current key: %v", err)
	}
	if err := admin.Retire(t.Context(), "nonesuch", false); !errors.Is(err, auth.ErrNotFound) {
		t.Errorf("an unknown key: %v", err)
	}
	if err := admin.Retire(t.Context(), oldKey.KID, true); err != nil {
		t.Fatal(err)
	}
	a.poll()
	if !a.verifies(old) {
		t.Error("it ended before the others can know the new one")
	}
	w.advance(keyring.Propagation + leeway)
	a.poll()
	if a.verifies(old) || !a.verifies(a.mint()) {
		t.Error("the key was not replaced")
	}
	if _, err := admin.Rotate(t.Context(), auth.KeyAccess); err != nil {
		t.Fatal(err)
	}
	a.poll()
	next := a.one(auth.KeyAccess, keyring.Next)
	if err := admin.Retire(t.Context(), next.KID, false); err != nil {
		t.Fatal(err)
	}
	w.advance(lead)
	a.poll()
	if a.one(auth.KeyAccess, keyring.Current).KID == next.KID {
		t.Error("a key that was withdrawn signs")
	}
}

// The key verifies for as long as the longest-lived token that any replica
// signed with it.
func TestRing_Lives(t *testing.T) {
	w := newWorld(t)
	short, long := w.options(w.dir), w.options(w.dir)
	long.Lives = map[auth.KeyPurpose]time.Duration{auth.KeyAccess: time.Hour, auth.KeyRefresh: time.Hour, auth.KeyRotation: time.Hour}
	a := w.start(short)
	w.start(long)
	if _, err := newRing(t, short).Rotate(t.Context(), auth.KeyAccess); err != nil {
		t.Fatal(err)
	}
	a.poll()
	ends := a.one(auth.KeyAccess, keyring.Current).EndsAt
	if want := w.clock().Add(lead + time.Hour + 2*leeway + time.Minute); !ends.Equal(want) {
		t.Errorf("ends at %v, want %v", ends, want)
	}
}

// A replica that cannot read the ring does not decide about tokens under unknown
// keys, still uses the known keys, and recovers.
func TestRing_Outdated(t *testing.T) {
	w := newWorld(t)
	a, b := w.start(w.options(w.dir)), w.start(w.options(w.dir))
	ticks := make(chan time.Time)
	go a.Run(t.Context(), ticks)
	ticks <- time.Time{} // the first read is done
	if _, err := newRing(t, w.options(w.dir)).Rotate(t.Context(), auth.KeyAccess); err != nil {
		t.Fatal(err)
	}
	w.advance(lead)
	b.poll()
	tok := b.mint()
	if _, err := a.codec.Verify(auth.UseAccess, tok, w.clock()); auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("an unknown key, when keys may be missing: %v", err)
	}
	if !a.verifies(a.mint()) {
		t.Error("a known key")
	}
	ticks <- time.Time{}
	ticks <- time.Time{} // the previous read is done
	if !a.verifies(tok) {
		t.Error("the key is still unknown")
	}
}

// Only the access keys that verify are published.
func TestRing_Published(t *testing.T) {
	w := newWorld(t)
	r := w.start(w.options(w.dir))
	if _, err := newRing(t, w.options(w.dir)).Rotate(t.Context(), auth.KeyPurposes()...); err != nil {
		t.Fatal(err)
	}
	for _, step := range []time.Duration{0, lead, accessLife + 2*leeway + time.Minute} {
		w.advance(step)
		r.poll()
		jwks, _ := r.Published()
		for _, k := range r.Keys() {
			if want := k.Purpose == auth.KeyAccess && k.State != keyring.Ended; bytes.Contains(jwks, []byte(k.KID)) != want {
				t.Errorf("published is not %v: %+v", want, k)
			}
		}
	}
}

// One ring can be read, changed and used concurrently.
func TestRing_Concurrent(t *testing.T) {
	w := newWorld(t)
	o := w.options(w.dir)
	o.Notes = w.st
	a := w.start(o)
	var done sync.WaitGroup
	at := func(what string, do func() error) {
		done.Go(func() {
			for range 5 {
				if err := do(); err != nil && !errors.Is(err, keyring.ErrWaiting) && !errors.Is(err, auth.ErrNotFound) {
					t.Errorf("%s: %v", what, err)
				}
			}
		})
	}
	at("poll", func() error { w.advance(time.Minute); return a.Poll(t.Context()) })
	at("list", func() error { _, err := a.List(t.Context()); return err })
	at("diagnose", func() error { _, err := a.Diagnose(t.Context()); return err })
	at("rotate", func() error { _, err := a.Rotate(t.Context(), auth.KeyRefresh); return err })
	at("retire", func() error { return a.Retire(t.Context(), "nonesuch", false) })
	at("reencrypt", func() error { _, err := a.Reencrypt(t.Context()); return err })
	at("start", func() error { return a.Start(t.Context()) })
	at("codec", func() error { _, err := a.Codec(token.Options{Leeway: leeway}); return err })
	at("use", func() error {
		a.mint()
		a.Published()
		return a.Check(t.Context())
	})
	done.Wait()
	a.poll()
	if a.count(keyring.Current) != 3 {
		t.Errorf("keys: %+v", a.Keys())
	}
}
