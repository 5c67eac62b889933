package storetest

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/auth"
)

func newSealedKey(kid string, purpose auth.KeyPurpose, number int64) auth.SealedKey {
	return auth.SealedKey{
		KID: kid, Purpose: purpose, Number: number, Sealed: []byte("sealed\x00" + kid), Master: "m1", Life: 15 * time.Minute,
	}
}

// sealedKeys lists the keys of one purpose, because other tests add keys too.
func (s suite) sealedKeys(t *testing.T, purpose auth.KeyPurpose) []auth.SealedKey {
	t.Helper()
	all, _, err := s.SealedKeys(t.Context())
	must(t, err)
	var some []auth.SealedKey
	for _, k := range all {
		if k.Purpose == purpose {
			some = append(some, k)
		}
	}
	return some
}

func (s suite) addKey(t *testing.T, k auth.SealedKey, lead time.Duration) bool {
	t.Helper()
	added, err := s.AddKey(t.Context(), k, lead, nil)
	must(t, err)
	return added
}

func testSealedKeys(t *testing.T, s suite) {
	two, one, verify := newSealedKey("b", auth.KeyAccess, 2), newSealedKey("a", auth.KeyAccess, 1), newSealedKey("c", auth.KeyAccess, 0)
	for _, k := range []auth.SealedKey{two, one, verify, newSealedKey("d", auth.KeyRefresh, 1)} {
		if !s.addKey(t, k, time.Hour) {
			t.Errorf("%s was not added", k.KID)
		}
	}
	for name, k := range map[string]auth.SealedKey{
		"number taken": newSealedKey("e", auth.KeyAccess, 2), "known": newSealedKey("a", auth.KeyAccess, 7),
		"known for another purpose": newSealedKey("a", auth.KeyRefresh, 7),
	} {
		if s.addKey(t, k, 0) {
			t.Errorf("%s: added", name)
		}
	}
	if !s.addKey(t, newSealedKey("f", auth.KeyAccess, 0), 0) {
		t.Error("a second key that only verifies was not added")
	}
	must(t, s.DeleteKey(t.Context(), "f", nil))
	for _, k := range []*auth.SealedKey{&one, &two, &verify} {
		k.CreatedAt = noon()
	}
	one.SignsFrom, two.SignsFrom, verify.EndsAt = ptr(noon().Add(time.Hour)), ptr(noon().Add(time.Hour)), ptr(noon().Add(verify.Life))
	wantEqual(t, "keys", s.sealedKeys(t, auth.KeyAccess), []auth.SealedKey{verify, one, two})
	_, now, err := s.SealedKeys(t.Context())
	must(t, err)
	wantEqual(t, "now", now, noon())
}

func testSealedKeyChanges(t *testing.T, s suite) {
	k := newSealedKey("changing", "changes", 1)
	s.addKey(t, k, 0)
	k.CreatedAt, k.SignsFrom = noon(), ptr(noon())
	ctx := t.Context()
	must(t, s.RaiseKeyLife(ctx, k.KID, time.Hour))
	must(t, s.RaiseKeyLife(ctx, k.KID, time.Minute))
	must(t, s.EndKey(ctx, k.KID, time.Minute, nil))
	must(t, s.EndKey(ctx, k.KID, time.Hour, nil)) // it ends earlier
	k.Life, k.EndsAt = time.Hour, ptr(noon().Add(time.Minute))
	wantEqual(t, "changed", s.sealedKeys(t, k.Purpose), []auth.SealedKey{k})
	must(t, s.EndKey(ctx, k.KID, 0, nil))
	k.EndsAt = ptr(noon())
	for _, from := range []string{"m1", "m1"} {
		done, err := s.ResealKey(ctx, k.KID, from, []byte("anew"), "m2", nil)
		must(t, err)
		wantEqual(t, "sealed again", done, k.Master == from)
		k.Sealed, k.Master = []byte("anew"), "m2"
	}
	wantEqual(t, "changed again", s.sealedKeys(t, k.Purpose), []auth.SealedKey{k})
	wantError(t, s.EndKey(ctx, "nonesuch", 0, nil), auth.ErrNotFound)
	must(t, s.RaiseKeyLife(ctx, "nonesuch", time.Hour))
	must(t, s.DeleteKey(ctx, "nonesuch", nil))
	must(t, s.DeleteKey(ctx, k.KID, nil))
	wantEqual(t, "deleted", s.sealedKeys(t, k.Purpose), nil)
}

// Replicas that add a key at the same time add one in total.
func testRaceAddKey(t *testing.T, s suite) {
	var added atomic.Int32
	var wg sync.WaitGroup
	for i := range 8 {
		wg.Go(func() {
			ok, err := s.AddKey(t.Context(), newSealedKey("racer "+strconv.Itoa(i), "race", 1), 0, nil)
			if err != nil {
				t.Error(err)
			}
			if ok {
				added.Add(1)
			}
		})
	}
	wg.Wait()
	wantEqual(t, "added", added.Load(), 1)
	wantEqual(t, "stored", len(s.sealedKeys(t, "race")), 1)
}
