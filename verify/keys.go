package verify

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// maxKeys is how many published keys are looked at.
const maxKeys = 64

// jwk is a key as RFC 7517 and RFC 7518 section 6.2 have it.
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// readKeys returns the keys of a JWK set that tokens may be signed with, by id.
// Others are left out; a set without any is an error.
func readKeys(data []byte) (map[string]*ecdsa.PublicKey, error) {
	var set struct {
		Keys []jwk `json:"keys"`
	}
	if err := json.Unmarshal(data, &set); err != nil {
		return nil, fmt.Errorf("reading the keys: %w", err)
	}
	keys := map[string]*ecdsa.PublicKey{}
	for _, k := range set.Keys[:min(len(set.Keys), maxKeys)] {
		if key, err := k.key(); err == nil {
			keys[k.ID] = key
		}
	}
	if len(keys) == 0 {
		return nil, errors.New("no ES256 key is published")
	}
	return keys, nil
}

var errOtherKey = errors.New("not a key for ES256")

func (k jwk) key() (*ecdsa.PublicKey, error) {
	if k.Type != "EC" || k.Curve != "P-256" || k.ID == "" || k.Use != "" && k.Use != "sig" || k.Algorithm != "" && k.Algorithm != "ES256" {
		return nil, errOtherKey
	}
	x, xErr := base64.RawURLEncoding.DecodeString(k.X)
	y, yErr := base64.RawURLEncoding.DecodeString(k.Y)
	if err := errors.Join(xErr, yErr); err != nil {
		return nil, err
	}
	if len(x) != 32 || len(y) != 32 {
		return nil, errOtherKey
	}
	point := append(append([]byte{4}, x...), y...) // SEC 1 section 2.3.3
	return ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
}
