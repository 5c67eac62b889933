package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"rekey/internal/auth"
)

// KeySet holds the keys of one use. Signing also verifies. Verify holds further
// public keys, such as those of previous signing keys.
type KeySet struct {
	Signing *ecdsa.PrivateKey
	Verify  []*ecdsa.PublicKey
	// Foreign holds those of the keys above that also signed elsewhere. Their
	// tokens may carry a kid that is not known here.
	Foreign []*ecdsa.PublicKey
}

var errUnknownKey = errors.New("header names an unknown key")

// keyRing is a checked KeySet, ready for use.
type keyRing struct {
	typ      string // of the tokens minted
	signing  *ecdsa.PrivateKey
	header   string                      // the first segment of every token minted
	byID     map[string]*ecdsa.PublicKey // by thumbprint
	byHeader map[string]*ecdsa.PublicKey // by the first segment of the tokens that they signed
	origin   map[string]string           // where a key comes from, by thumbprint, for errors
	all      jwt.VerificationKeySet
	foreign  jwt.VerificationKeySet
}

// newKeyRing checks a set. Even if it returns an error, the ring holds the valid
// keys, so that it can be compared with the other ring.
func newKeyRing(use, typ string, set KeySet) (*keyRing, error) {
	r := &keyRing{typ: typ, byID: map[string]*ecdsa.PublicKey{}, byHeader: map[string]*ecdsa.PublicKey{}, origin: map[string]string{}}
	var problems []error
	if set.Signing == nil {
		problems = append(problems, fmt.Errorf("%s signing key is missing", use))
	} else {
		problems = append(problems, r.add(use+" signing key", &set.Signing.PublicKey))
		r.signing = set.Signing
		r.header = headerSegment(typ, Thumbprint(&set.Signing.PublicKey))
	}
	for i, key := range set.Verify {
		problems = append(problems, r.add(fmt.Sprintf("%s verification key %d", use, i+1), key))
	}
	for _, key := range set.Foreign {
		r.foreign.Keys = append(r.foreign.Keys, key)
	}
	return r, errors.Join(problems...)
}

// add adds a key, unless the ring has it.
func (r *keyRing) add(origin string, key *ecdsa.PublicKey) error {
	if err := checkP256(key); err != nil {
		return fmt.Errorf("%s: %w", origin, err)
	}
	id := Thumbprint(key)
	if _, known := r.byID[id]; known {
		return nil
	}
	r.byID[id] = key
	r.byHeader[headerSegment(r.typ, id)] = key
	r.origin[id] = origin
	r.all.Keys = append(r.all.Keys, key)
	return nil
}

// keyRings holds the rings of all uses.
type keyRings struct{ access, refresh *keyRing }

// newKeyRings checks the sets, and that they share no public key.
// accessType is the typ of access tokens.
func newKeyRings(access, refresh KeySet, accessType string) (*keyRings, error) {
	a, accessErr := newKeyRing("access", accessType, access)
	r, refreshErr := newKeyRing("refresh", plainType, refresh)
	problems := []error{accessErr, refreshErr}
	for id, origin := range a.origin {
		if other, shared := r.origin[id]; shared {
			problems = append(problems, fmt.Errorf("%s and %s are the same key (kid %s)", origin, other, id))
		}
	}
	return &keyRings{a, r}, errors.Join(problems...)
}

// candidates returns the keys that may have signed a token: the key that kid
// names; any key of the ring if there is no kid, as in tokens of the legacy
// service; or any foreign key if kid is unknown. kid only serves as a key of a
// map. Keys in the header (jwk, jku, x5u, x5c) are never used.
func (r *keyRing) candidates(t *jwt.Token) (any, error) {
	if _, present := t.Header["crit"]; present {
		return nil, errors.New("header has crit")
	}
	kid, present := t.Header["kid"]
	if !present {
		return r.all, nil
	}
	id, _ := kid.(string)
	if key, known := r.byID[id]; known {
		return key, nil
	}
	if len(r.foreign.Keys) > 0 {
		return r.foreign, nil
	}
	return nil, errUnknownKey
}

// lacks reports whether a token names a key that is not in the ring.
func (r *keyRing) lacks(token string) bool {
	if len(token) > auth.MaxTokenBytes {
		return false
	}
	t, _, err := jwt.NewParser().ParseUnverified(token, &claims{})
	if err != nil {
		return false
	}
	kid, present := t.Header["kid"]
	id, _ := kid.(string)
	_, known := r.byID[id]
	return present && !known
}

// checkP256 returns an error for a key that is unfit for ES256 (RFC 7518 section
// 3.4).
func checkP256(key *ecdsa.PublicKey) error {
	if key == nil || key.Curve == nil {
		return errors.New("key is missing")
	}
	if key.Curve != elliptic.P256() {
		return fmt.Errorf("key is on %s, ES256 needs P-256", key.Params().Name)
	}
	if _, err := key.Bytes(); err != nil {
		return fmt.Errorf("key is not valid: %w", err)
	}
	return nil
}
