package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"reflect"
	"strings"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// fixedFixture has the same keys in every process: the fuzzer's workers are
// separate processes, and the inputs in testdata must keep their meaning.
func fixedFixture(f *testing.F) fixture {
	f.Helper()
	key := func(last byte) *ecdsa.PrivateKey {
		scalar := make([]byte, 32)
		scalar[31] = last
		k, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
		if err != nil {
			f.Fatal(err)
		}
		return k
	}
	fix := fixture{access: key(2), refresh: key(3)}
	fix.codec = newCodec(f, token.Options{
		Access: token.KeySet{Signing: fix.access}, Refresh: token.KeySet{Signing: fix.refresh},
	})
	return fix
}

// Only the one token that was minted verifies, and nothing panics. The mirrored
// signature (r, n-s) verifies too, but no mutation finds it.
func FuzzCodec_Verify(f *testing.F) {
	fix := fixedFixture(f)
	good := fix.mint(f)
	parts := strings.Split(good, ".")
	for _, seed := range []string{
		good,
		"", "..", "a.b.c", good + "=", good + ".", strings.Repeat(".", 64),
		parts[0] + "\n." + parts[1] + "." + parts[2],
		segment(`{"alg":"none"}`) + "." + parts[1] + ".",
		segment(plainHeader) + "." + parts[1] + "." + parts[2],
		parts[0] + "." + segment(`{"exp":1e309,"iat":null}`) + "." + parts[2],
		parts[0] + "." + segment(`{"user":{"created_at":"x"}}`) + "." + parts[2],
		segment(`{"alg":"ES256","crit":[]}`) + "." + segment(`{}`) + ".",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, tok string) {
		claims, err := fix.codec.Verify(auth.UseRefresh, tok, issuedAt)
		if (err == nil) != (tok == good) {
			t.Errorf("error %v for %q", err, tok)
		}
		if got := failure(t, err); err != nil && (got.Fault == 0 || !reflect.DeepEqual(claims, auth.Claims{})) {
			t.Errorf("failure %+v with claims %+v", got, claims)
		}
	})
}
