package verify_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"rekey/verify"
)

func (r *rekey) fetched() (all, unmodified int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.fetches, r.unmodified
}

// TestVerifier_keys: keys are fetched again when they have expired, with the ETag.
func TestVerifier_keys(t *testing.T) {
	r := newRekey(t)
	v := r.verifier()
	if until := v.Status().KeysUntil; !until.Equal(r.clock.Now().Add(11 * time.Minute)) {
		t.Errorf("keys until %v", until)
	}
	r.pass(10 * time.Minute)
	eventually(t, "fetched again", func() bool { return v.Status().KeysUntil.Equal(r.clock.Now().Add(11 * time.Minute)) })
	if all, unmodified := r.fetched(); all != 2 || unmodified != 1 {
		t.Errorf("%d fetches, %d unmodified", all, unmodified)
	}
	r.awaits(10 * time.Minute)
	r.synced(v)
	want(t, v, "with keys that are unmodified", r.mint(nil), nil)

	r.set(func() { r.status = 500 })
	r.pass(10 * time.Minute)
	r.wake(2 * time.Second) // and once more
	r.clock.advance(time.Minute - time.Second)
	r.synced(v)
	want(t, v, "expired keys, within MaxStale", r.mint(nil), nil)
	r.clock.advance(time.Second)
	r.synced(v)
	want(t, v, "expired keys, after MaxStale", r.mint(nil), verify.ErrUnavailable)
	want(t, v, "and for a token without kid", r.mint(nil, "kid", ""), verify.ErrUnavailable)
}

// TestVerifier_unknownKey: one fetch serves all concurrent calls, and invented ids
// cause no second fetch.
func TestVerifier_unknownKey(t *testing.T) {
	r := newRekey(t)
	v := r.verifier()
	next := newKey(t)
	r.clock.advance(10 * time.Second)
	hold := make(chan struct{})
	r.set(func() { r.keys, r.hold = append(r.keys, published(t, "k2", next)), hold })
	r.key = next
	token := r.mint(nil, "kid", "k2")
	var wg sync.WaitGroup
	for range 16 {
		wg.Go(func() { want(t, v, "by the new key", token, nil) })
	}
	eventually(t, "the fetch has begun", func() bool { n, _ := r.fetched(); return n == 2 })
	close(hold)
	wg.Wait()
	want(t, v, "invented", r.forge("kid", "k3"), verify.ErrInvalid)
	if n, _ := r.fetched(); n != 2 {
		t.Errorf("%d fetches", n)
	}
	r.clock.advance(10 * time.Second)
	r.set(func() { r.status = 503 })
	for range 3 {
		want(t, v, "invented, while rekey is unreachable", r.forge("kid", "k3"), verify.ErrUnavailable)
	}
	if n, _ := r.fetched(); n != 3 {
		t.Errorf("%d fetches", n)
	}
}

// TestVerifier_legacyKeys: tokens of a legacy service name no key, or use an id of
// that service. They verify with the imported key, which is one of several
// published keys, and cause no fetch.
func TestVerifier_legacyKeys(t *testing.T) {
	r := newRekey(t)
	legacy := newKey(t)
	r.keys = append(r.keys, published(t, "imported", legacy))
	v := r.verifier()
	r.clock.advance(10 * time.Second)
	r.set(func() { r.status = 503 })
	r.key = legacy
	want(t, v, "without kid, beside two keys", r.mint(nil, "kid", ""), nil)
	want(t, v, "with an id of the legacy service", r.mint(nil, "kid", "2019-key"), nil)
	want(t, v, "forged, without kid", r.forge("kid", ""), verify.ErrInvalid)
	if n, _ := r.fetched(); n != 1 {
		t.Errorf("%d fetches", n)
	}
	r.set(func() { r.status = 200 })
	want(t, v, "forged, with an id", r.forge("kid", "2019-key"), verify.ErrInvalid)
	if n, _ := r.fetched(); n != 2 {
		t.Errorf("%d fetches", n)
	}
}

// TestVerifier_badKeys: an answer that is not a set of keys changes nothing.
func TestVerifier_badKeys(t *testing.T) {
	for name, change := range map[string]func(r *rekey){
		"redirect":  func(r *rekey) { r.status = 302; r.header = http.Header{"Location": {"/elsewhere"}} },
		"none":      func(r *rekey) { r.keys = nil },
		"too long":  func(r *rekey) { r.keys[0]["pad"] = strings.Repeat("x", 1<<19) },
		"RSA":       func(r *rekey) { r.keys = []jwkOf{{"kty": "RSA", "kid": "k1"}} },
		"other use": func(r *rekey) { r.keys[0]["use"] = "enc" },
		"other alg": func(r *rekey) { r.keys[0]["alg"] = "ES384" },
		"no id":     func(r *rekey) { r.keys[0]["kid"] = "" },
		"off curve": func(r *rekey) { r.keys[0]["x"] = strings.Repeat("A", 43) },
		"short":     func(r *rekey) { r.keys[0]["x"] = "AA" },
	} {
		t.Run(name, func(t *testing.T) {
			r := newRekey(t)
			v := r.verifier()
			until := v.Status().KeysUntil
			r.set(func() { change(r) })
			r.clock.advance(10 * time.Second)
			want(t, v, "unknown key", r.forge("kid", "k2"), verify.ErrUnavailable)
			want(t, v, "known key", r.mint(nil), nil)
			if !v.Status().KeysUntil.Equal(until) {
				t.Error("the old keys count as fresh")
			}
		})
	}
}

// TestVerifier_cacheControl: RFC 9111, within bounds.
func TestVerifier_cacheControl(t *testing.T) {
	for name, tt := range map[string]struct {
		header http.Header
		keep   time.Duration
	}{
		"none":     {http.Header{}, 10 * time.Minute},
		"max-age":  {http.Header{"Cache-Control": {"public, Max-Age=60"}}, time.Minute},
		"aged":     {http.Header{"Cache-Control": {"max-age=60"}, "Age": {"50"}}, 10 * time.Second},
		"no-store": {http.Header{"Cache-Control": {"no-store"}}, 0},
		"too long": {http.Header{"Cache-Control": {"max-age=99999999999"}}, 24 * time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRekey(t)
			r.header = tt.header
			v := r.verifier()
			if got := v.Status().KeysUntil.Sub(r.clock.Now()) - time.Minute; got != tt.keep {
				t.Errorf("kept for %v, want %v", got, tt.keep)
			}
		})
	}
}
