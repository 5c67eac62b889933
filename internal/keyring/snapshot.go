package keyring

import (
	"crypto/ecdsa"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// snapshot is the state of the ring at one moment. It never changes.
type snapshot struct {
	access, refresh token.KeySet
	secrets         [][]byte
	jwks, pem       []byte // of the access keys
	keys            []Key
}

// update takes a new snapshot and passes its keys to the codec.
func (r *Ring) update() error {
	s, err := r.newSnapshot(r.options.Now())
	if err != nil {
		return err
	}
	if old := r.snapshot.Load(); old != nil && reflect.DeepEqual(old.keys, s.keys) {
		return nil
	}
	if r.codec != nil {
		if err := r.codec.Replace(s.access, s.refresh); err != nil {
			return err
		}
	}
	r.snapshot.Store(s)
	return nil
}

// newSnapshot returns the ring at now. Its error names the purposes that have no
// key to sign with.
func (r *Ring) newSnapshot(now time.Time) (*snapshot, error) {
	s := &snapshot{}
	usable := map[auth.KeyPurpose][]keyMaterial{}
	var problems []error
	for _, p := range auth.KeyPurposes() {
		keys, material := r.keysAt(p, now)
		if len(material) == 0 || !material[0].canSign() {
			problems = append(problems, fmt.Errorf("%w: %s", errNoKey, p))
		}
		usable[p] = material
		s.keys = append(s.keys, keys...)
	}
	if err := errors.Join(problems...); err != nil {
		return nil, err
	}
	s.access, s.refresh = keySet(usable[auth.KeyAccess]), keySet(usable[auth.KeyRefresh])
	for _, m := range usable[auth.KeyRotation] {
		s.secrets = append(s.secrets, m.secret)
	}
	public := append([]*ecdsa.PublicKey{&s.access.Signing.PublicKey}, s.access.Verify...)
	var jwksErr, pemErr error
	s.jwks, jwksErr = token.JWKS(public)
	s.pem, pemErr = token.PublicPEM(public[0])
	return s, errors.Join(jwksErr, pemErr)
}

// keysAt returns all keys of a purpose at now, and the material of those that
// sign or verify. The material of the signing key comes first.
func (r *Ring) keysAt(p auth.KeyPurpose, now time.Time) (keys []Key, usable []keyMaterial) {
	keys, usable = r.files.list(p), slices.Clone(r.files[p])
	if !r.stored(p) {
		return keys, usable
	}
	states := judge(r.rows[p], now)
	signer := r.signer(states)
	for i := range states {
		k := &states[i]
		m, known := r.opened[k.KID]
		keys = append(keys, k.key(m.foreign))
		switch {
		case k == signer:
			usable = slices.Insert(usable, 0, m)
		case known && k.state != Ended:
			usable = append(usable, m)
		}
	}
	return keys, usable
}

// signer returns the current key. If this process cannot open it, or if this
// process's clock is slow and the key ended before the next one signs, signer
// returns one of its neighbours: every replica verifies what those sign. It
// returns nil if there is none.
func (r *Ring) signer(keys []keyState) *keyState {
	for _, s := range []State{Current, Next, Retired} {
		for i := range slices.Backward(keys) {
			k := &keys[i]
			if _, known := r.opened[k.KID]; known && k.state == s && k.SignsFrom != nil {
				return k
			}
		}
	}
	return nil
}

// keySet returns keys in the form that the codec takes. The first one signs.
func keySet(material []keyMaterial) token.KeySet {
	set := token.KeySet{Signing: material[0].private}
	for i, m := range material {
		if i > 0 {
			set.Verify = append(set.Verify, m.public)
		}
		if m.foreign {
			set.Foreign = append(set.Foreign, m.public)
		}
	}
	return set
}
