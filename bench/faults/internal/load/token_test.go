package load

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"
)

// sign returns a token with the given claims, and the key that verifies it.
func sign(t *testing.T, claims string) (string, *ecdsa.PublicKey) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"ES256"}`)) + "." + encode([]byte(claims))
	digest := sha256.Sum256([]byte(text))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, scalar)), s.FillBytes(make([]byte, scalar))...)
	return text + "." + encode(signature), &key.PublicKey
}

func verifies(t *testing.T, token string, key *ecdsa.PublicKey) bool {
	t.Helper()
	cut := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
	if err != nil || len(signature) != 2*scalar {
		t.Fatalf("signature of %d bytes, %v", len(signature), err)
	}
	hash := crypto.SHA256.New()
	hash.Write([]byte(token[:cut]))
	return ecdsa.Verify(key, hash.Sum(nil), new(big.Int).SetBytes(signature[:scalar]), new(big.Int).SetBytes(signature[scalar:]))
}

func TestTwin(t *testing.T) {
	for range 20 { // the length of s, and so of the signature, varies
		token, key := sign(t, `{}`)
		twin := Twin(token)
		if twin == token || !verifies(t, twin, key) {
			t.Fatalf("%s is no other spelling of %s", twin, token)
		}
		if Twin(twin) != token {
			t.Error("the twin's twin is another token")
		}
	}
	if got := Twin("no token"); got != "" {
		t.Errorf("twin of no token: %q", got)
	}
}

func TestReadClaims(t *testing.T) {
	token, _ := sign(t, `{"user":{"id":"u","auth":{"id":"s","token":"secret"}},"exp":1}`)
	if got, err := ReadClaims(token); err != nil || got != (Claims{SessionID: "s", Secret: "secret"}) {
		t.Errorf("claims %+v, %v", got, err)
	}
	for _, bad := range []string{"", "a.b", "a.!.c", "a." + base64.RawURLEncoding.EncodeToString([]byte("[]")) + ".c"} {
		if _, err := ReadClaims(bad); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}
