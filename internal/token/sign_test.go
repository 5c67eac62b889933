package token

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"testing"

	"github.com/golang-jwt/jwt/v5"
)

// The vectors are those of RFC 6979 appendix A.2.5, P-256 with SHA-256.
func TestSign(t *testing.T) {
	scalar, err := hex.DecodeString("c9afa9d845ba75166b5c215767b1d6934e50c3db36e89b127b8a622b120f6721")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	if err != nil {
		t.Fatal(err)
	}
	for message, want := range map[string]string{
		"sample": "efd48b2aacb6a8fd1140dd9cd45e81d69d2c877b56aaf991c34d0ea84eaf3716" +
			"f7cb1c942d657c41d436c7a1b6e29f65f3e900dbb9aff4064dc4ab2f843acda8",
		"test": "f1abb023518351cd71d881567b1ea663ed3efcf6c5132b354f28d3b0b7d38367" +
			"019f4113742a2b14bd25926b49c649155f267e60d3814b4c0cc84250e46f0083",
	} {
		t.Run(message, func(t *testing.T) {
			sig, err := sign([]byte(message), key)
			if err != nil {
				t.Fatal(err)
			}
			if got := hex.EncodeToString(sig); got != want {
				t.Errorf("signature\n%s, want\n%s", got, want)
			}
			if err := jwt.SigningMethodES256.Verify(message, sig, &key.PublicKey); err != nil {
				t.Errorf("verifying: %v", err)
			}
		})
	}
}

// Every signature that signedBy accepts verifies. Others may be valid, too, and
// have to be verified.
func TestSignedBy(t *testing.T) {
	key, other := ownTestKey(t), ownTestKey(t)
	text := []byte("header.payload")
	own, err := sign(text, key)
	if err != nil {
		t.Fatal(err)
	}
	if !signedBy(key, text, own) {
		t.Error("the key's own signature is not recognised")
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
			t.Errorf("%s: recognised as the key's own", name)
		}
	}
	if signedBy(other, text, own) {
		t.Error("recognised as another key's own")
	}
	if signedBy(key, []byte("header.payloaD"), own) {
		t.Error("recognised as the signature of another text")
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
