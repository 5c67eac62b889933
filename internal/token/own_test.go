package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// TestSignedBy: what it takes always verifies; what it does not take may be good
// all the same, and is left to be verified.
func TestSignedBy(t *testing.T) {
	key, other := ownTestKey(t), ownTestKey(t)
	text := []byte("header.payload")
	own, err := sign(text, key)
	if err != nil {
		t.Fatal(err)
	}
	if !signedBy(key, text, own) {
		t.Error("the key's own signature was not known")
	}
	if err := jwt.SigningMethodES256.Verify(string(text), own, &key.PublicKey); err != nil {
		t.Errorf("the key's own signature does not verify: %v", err)
	}
	digest := sha256.Sum256(text)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), own...)
	flipped[0] ^= 1
	for name, sig := range map[string][]byte{
		"AnotherNonce": append(r.FillBytes(make([]byte, scalarLen)), s.FillBytes(make([]byte, scalarLen))...),
		"OneBit":       flipped, "Cut": own[:63], "None": nil,
	} {
		if signedBy(key, text, sig) {
			t.Errorf("%s: taken for the key's own", name)
		}
	}
	if signedBy(other, text, own) {
		t.Error("taken for another key's own")
	}
	if signedBy(key, []byte("header.payloaD"), own) {
		t.Error("taken for the signature of another text")
	}
}

func ownTestKey(t *testing.T) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}
