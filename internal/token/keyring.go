package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/golang-jwt/jwt/v5"

	"rekey/internal/auth"
)

// KeySet is the keys of one use. Signing also verifies; Verify holds
// additional public keys, such as those of before a key change.
type KeySet struct {
	Signing *ecdsa.PrivateKey
	Verify  []*ecdsa.PublicKey
	// Foreign are those of the others that also signed elsewhere: tokens of
	// theirs may bear a kid of which nobody here knows.
	Foreign []*ecdsa.PublicKey
}

var (
	errCrit       = errors.New("header has crit")
	errUnknownKey = errors.New("header names an unknown key")
	errSpelling   = errors.New("too long, or with line breaks")
)

// keyRing is a checked KeySet, ready for use.
type keyRing struct {
	signing *ecdsa.PrivateKey
	header  string                      // first segment of every token minted
	byID    map[string]*ecdsa.PublicKey // by thumbprint
	// byHeader has the same keys by the first segment of what they signed.
	byHeader map[string]*ecdsa.PublicKey
	origin   map[string]string // thumbprint to what the key is, for errors
	all      jwt.VerificationKeySet
	foreign  jwt.VerificationKeySet
}

// newKeyRing checks a set. The ring holds the sound keys even when there is an
// error, so that it can still be compared with the other one.
func newKeyRing(use string, set KeySet) (*keyRing, error) {
	r := &keyRing{byID: map[string]*ecdsa.PublicKey{}, byHeader: map[string]*ecdsa.PublicKey{}, origin: map[string]string{}}
	var problems []error
	if set.Signing == nil {
		problems = append(problems, fmt.Errorf("%s signing key is missing", use))
	} else {
		problems = append(problems, r.add(use+" signing key", &set.Signing.PublicKey))
		r.signing = set.Signing
		r.header = headerSegment(Thumbprint(&set.Signing.PublicKey))
	}
	for i, key := range set.Verify {
		problems = append(problems, r.add(fmt.Sprintf("%s verification key %d", use, i+1), key))
	}
	for _, key := range set.Foreign {
		r.foreign.Keys = append(r.foreign.Keys, key)
	}
	return r, errors.Join(problems...)
}

// add takes a key in; one that is there already is left out.
func (r *keyRing) add(origin string, key *ecdsa.PublicKey) error {
	if err := checkP256(key); err != nil {
		return fmt.Errorf("%s: %w", origin, err)
	}
	id := Thumbprint(key)
	if _, known := r.byID[id]; known {
		return nil
	}
	r.byID[id] = key
	r.byHeader[headerSegment(id)] = key
	r.origin[id] = origin
	r.all.Keys = append(r.all.Keys, key)
	return nil
}

// keyRings are the rings of all uses.
type keyRings struct{ access, refresh *keyRing }

// newKeyRings also checks the rings against each other. It returns what is
// sound of them even when there is an error.
func newKeyRings(access, refresh KeySet) (*keyRings, error) {
	a, accessErr := newKeyRing("access", access)
	r, refreshErr := newKeyRing("refresh", refresh)
	return &keyRings{a, r}, errors.Join(accessErr, refreshErr, sharedKeys(a, r))
}

// sharedKeys names every public key that stands in both rings.
func sharedKeys(a, b *keyRing) error {
	var problems []error
	for id, origin := range a.origin {
		if other, shared := b.origin[id]; shared {
			problems = append(problems, fmt.Errorf("%s and %s are the same key (kid %s)", origin, other, id))
		}
	}
	return errors.Join(problems...)
}

// candidates is the library's key function. kid is a key of a map and nothing
// else; tokens without one, as the legacy service made them, may be by any key
// of the ring, and those with another by a foreign one. Keys in the header (jwk, jku, x5u, x5c) are never looked at.
func (r *keyRing) candidates(t *jwt.Token) (any, error) {
	if _, present := t.Header["crit"]; present {
		return nil, errCrit
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

// checkP256 tells what makes a key unfit for ES256 (RFC 7518 section 3.4).
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

// Thumbprint returns the SHA-256 JWK thumbprint of a key in base64url
// (RFC 7638), which is its kid. It is empty for a key that is not valid.
func Thumbprint(key *ecdsa.PublicKey) string {
	x, y := coordinates(key)
	if x == "" {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":%q,"kty":"EC","x":%q,"y":%q}`, key.Params().Name, x, y))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}
