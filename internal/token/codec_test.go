package token_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/token"
)

func TestNew(t *testing.T) {
	a, b, c := newKey(t), newKey(t), newKey(t)
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		options token.Options
		want    []string // every one must be in the error; none for success
	}{
		"Distinct": {options(a, b, nil, nil), nil},
		"SameKeyTwiceInOneSet": {
			options(a, b, publics(a, a, c), nil), nil,
		},
		"EqualSigningKeys": {options(a, a, nil, nil), []string{"access signing key and refresh signing key are the same key"}},
		"SigningKeyVerifiesInTheOtherSet": {
			options(a, b, publics(c, b), nil),
			[]string{"access verification key 2 and refresh signing key are the same key"},
		},
		"EqualVerifyKeys": {
			options(a, b, publics(c), publics(c)),
			[]string{"access verification key 1 and refresh verification key 1 are the same key"},
		},
		"OtherCurve": {options(p384, b, nil, nil), []string{"access signing key: key is on P-384"}},
		"Missing":    {options(nil, nil, nil, nil), []string{"access signing key is missing", "refresh signing key is missing"}},
		"AllAtOnce": {
			token.Options{
				Access:  token.KeySet{Signing: p384, Verify: []*ecdsa.PublicKey{&c.PublicKey, nil}},
				Refresh: token.KeySet{Signing: c, Verify: []*ecdsa.PublicKey{&p384.PublicKey}},
				Leeway:  -time.Second,
			},
			[]string{
				"access signing key: key is on P-384", "access verification key 2: key is missing",
				"refresh verification key 1: key is on P-384",
				"access verification key 1 and refresh signing key are the same key", "leeway is negative",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := token.New(test.options)
			if (err != nil) != (test.want != nil) {
				t.Fatalf("error %v, want one: %t", err, test.want != nil)
			}
			for _, want := range test.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error lacks %q:\n%v", want, err)
				}
			}
		})
	}
}

func options(access, refresh *ecdsa.PrivateKey, accessVerify, refreshVerify []*ecdsa.PublicKey) token.Options {
	return token.Options{
		Access:  token.KeySet{Signing: access, Verify: accessVerify},
		Refresh: token.KeySet{Signing: refresh, Verify: refreshVerify},
	}
}

func publics(keys ...*ecdsa.PrivateKey) []*ecdsa.PublicKey {
	var out []*ecdsa.PublicKey
	for _, key := range keys {
		out = append(out, &key.PublicKey)
	}
	return out
}

func TestCodec_Mint(t *testing.T) {
	f := newFixture(t)

	t.Run("Form", func(t *testing.T) {
		zone := time.FixedZone("CET", 3600)
		codec := newCodec(t, token.Options{
			Access:   token.KeySet{Signing: f.access},
			Refresh:  token.KeySet{Signing: f.refresh},
			Location: zone,
		})
		in := someClaims()
		in.User.EmailVerifiedAt = nil
		in.User.UpdatedAt = in.User.UpdatedAt.Add(1999 * time.Nanosecond)
		minted, err := codec.Mint(auth.UseAccess, in)
		if err != nil {
			t.Fatal(err)
		}
		wantHeader := fmt.Sprintf(`{"alg":"ES256","typ":"JWT","kid":"%s"}`, token.Thumbprint(&f.access.PublicKey))
		wantClaims := `{"user":{"id":"66312a78-1f9e-4d78-a9fb-231e84967f60",` +
			`"name":"Ada \u003cb\u003e \u0026 Grace","email":"ada@example.com","email_verified_at":null,` +
			`"created_at":"2024-02-28T13:00:00.100000+01:00","updated_at":"2024-02-29T13:00:00.000001+01:00",` +
			`"auth":{"id":"95a51a3f-56fa-4889-bf80-3c57d054b1c2",` +
			`"token":"55c00478da3aae6f05045c364de5305b69d57192dd3e8f29993b05bc5ec187d8"}},` +
			`"exp":1709295300,"iat":1709294400,"nbf":1709294399}`
		parts := strings.Split(minted, ".")
		for i, want := range []string{wantHeader, wantClaims} {
			if got, err := base64.RawURLEncoding.DecodeString(parts[i]); err != nil || string(got) != want {
				t.Errorf("segment %d is\n%s (%v), want\n%s", i, got, err, want)
			}
		}
	})

	t.Run("SameBytesTwice", func(t *testing.T) {
		if first, second := f.mint(t), f.mint(t); first != second {
			t.Errorf("two different tokens:\n%s\n%s", first, second)
		}
	})

	t.Run("RefusesWhatVerifyWouldNotTake", func(t *testing.T) {
		for name, change := range map[string]func(*auth.Claims){
			"ZeroTimes":   func(c *auth.Claims) { c.IssuedAt, c.ExpiresAt = time.Time{}, time.Time{} },
			"Epoch":       func(c *auth.Claims) { c.IssuedAt = time.Unix(0, 0) }, // nbf is before it
			"TooLong":     func(c *auth.Claims) { c.User.Name = strings.Repeat("x", auth.MaxTokenBytes) },
			"YearTenMill": func(c *auth.Claims) { c.User.CreatedAt = time.Date(10_000_000, 1, 1, 0, 0, 0, 0, time.UTC) },
		} {
			in := someClaims()
			change(&in)
			if minted, err := f.codec.Mint(auth.UseAccess, in); err == nil {
				t.Errorf("%s: minted %d bytes", name, len(minted))
			}
		}
	})

	t.Run("UnknownUse", func(t *testing.T) {
		if _, err := f.codec.Mint("other", someClaims()); err == nil {
			t.Error("minted for an unknown use")
		}
		if _, err := f.codec.Verify("other", f.mint(t), issuedAt); err == nil {
			t.Error("verified for an unknown use")
		}
	})
}

func TestCodec_RoundTrip(t *testing.T) {
	f := newFixture(t)
	bare := someClaims()
	bare.User.EmailVerifiedAt = nil
	bare.SessionID, bare.Secret = "", ""
	for name, in := range map[string]auth.Claims{"Full": someClaims(), "WithoutAuth": bare} {
		for _, use := range []auth.TokenUse{auth.UseAccess, auth.UseRefresh} {
			t.Run(name+"/"+string(use), func(t *testing.T) {
				minted, err := f.codec.Mint(use, in)
				if err != nil {
					t.Fatal(err)
				}
				if got, err := f.codec.Verify(use, minted, issuedAt); err != nil || !reflect.DeepEqual(got, in) {
					t.Errorf("claims are\n%+v (%v), want\n%+v", got, err, in)
				}
				other := auth.UseAccess
				if use == other {
					other = auth.UseRefresh
				}
				_, err = f.codec.Verify(other, minted, issuedAt)
				if got := failure(t, err); got.Fault != auth.FaultSignature {
					t.Errorf("as %s: %+v, want a signature fault", other, got)
				}
			})
		}
	}
}

func TestThumbprint(t *testing.T) {
	// The key and its thumbprint are those of RFC 9449 section 6.1.
	decode := func(s string) []byte {
		b, err := base64.RawURLEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	point := append([]byte{4}, decode("l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs")...)
	point = append(point, decode("9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA")...)
	key, err := ecdsa.ParseUncompressedPublicKey(elliptic.P256(), point)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := token.Thumbprint(key), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I"; got != want {
		t.Errorf("thumbprint %s, want %s", got, want)
	}
}
