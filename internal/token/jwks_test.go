package token_test

import (
	"bytes"
	"crypto/ecdsa"
	"encoding/json"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/token"
)

func TestJWKS(t *testing.T) {
	a, b := newKey(t), newKey(t)
	data, err := token.JWKS([]*ecdsa.PublicKey{&a.PublicKey, &b.PublicKey})
	if err != nil {
		t.Fatal(err)
	}
	var set struct{ Keys []map[string]string }
	if err := json.Unmarshal(data, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 2 || set.Keys[1]["kid"] != token.Thumbprint(&b.PublicKey) {
		t.Fatalf("%s", data)
	}
	got := set.Keys[0]
	for name, want := range map[string]string{
		"kty": "EC", "use": "sig", "alg": "ES256", "crv": "P-256", "kid": token.Thumbprint(&a.PublicKey),
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if len(got) != 7 || len(got["x"]) != 43 || len(got["y"]) != 43 {
		t.Errorf("members: %v", got)
	}
	t.Run("None", func(t *testing.T) {
		if data, err := token.JWKS(nil); err != nil || string(data) != `{"keys":[]}` {
			t.Errorf("%s, %v", data, err)
		}
	})
	t.Run("ErrCurve", func(t *testing.T) {
		if _, err := token.JWKS([]*ecdsa.PublicKey{&p384(t).PublicKey}); err == nil {
			t.Error("no error")
		}
	})
}

func TestPublicPEM(t *testing.T) {
	key := newKey(t)
	data, err := token.PublicPEM(&key.PublicKey)
	if err != nil || !bytes.Equal(data, pkix(t, &key.PublicKey)) {
		t.Errorf("%s, %v", data, err)
	}
}

func TestCodec_Replace(t *testing.T) {
	f := newFixture(t)
	before := f.mint(t)
	next := newKey(t)
	set := token.KeySet{Signing: next, Verify: []*ecdsa.PublicKey{&f.refresh.PublicKey}}
	if err := f.codec.Replace(token.KeySet{Signing: f.access}, set); err != nil {
		t.Fatal(err)
	}
	after := f.mint(t)
	if before == after {
		t.Error("the old key still signs")
	}
	for name, tok := range map[string]string{"Before": before, "After": after} {
		if _, err := f.codec.Verify(auth.UseRefresh, tok, issuedAt); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Run("ErrShared", func(t *testing.T) {
		if err := f.codec.Replace(token.KeySet{Signing: next}, set); err == nil {
			t.Error("one key for both uses")
		}
		if f.mint(t) != after {
			t.Error("refused keys are in use")
		}
	})
}

// While keys may be missing, a token under an unknown key may be valid.
func TestCodec_Outdated(t *testing.T) {
	f, outdated := newFixture(t), true
	codec := newCodec(t, token.Options{
		Access: token.KeySet{Signing: newKey(t)}, Refresh: token.KeySet{Signing: newKey(t)},
		Outdated: func(time.Time) bool { return outdated },
	})
	code := func(tok string) auth.Code {
		_, err := codec.Verify(auth.UseRefresh, tok, issuedAt)
		return auth.AsError(err).Code
	}
	if got := code(f.mint(t)); got != auth.CodeUnavailable {
		t.Errorf("unknown key: %s", got)
	}
	if got := code("not.a.token"); got != auth.CodeUnauthenticated {
		t.Errorf("garbage: %s", got)
	}
	outdated = false
	if got := code(f.mint(t)); got != auth.CodeUnauthenticated {
		t.Errorf("unknown key, all keys known: %s", got)
	}
}
