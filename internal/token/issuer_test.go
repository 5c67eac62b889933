package token_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/token"
)

const issuerURL = "https://auth.example.com"

// issuing returns codecs with the keys of one fixture.
func issuing(t *testing.T) (f fixture, codec func(issuer string, audience ...string) *token.Codec) {
	f = newFixture(t)
	return f, func(issuer string, audience ...string) *token.Codec {
		return newCodec(t, token.Options{
			Access: token.KeySet{Signing: f.access}, Refresh: token.KeySet{Signing: f.refresh}, Issuer: issuer, Audience: audience,
		})
	}
}

func TestCodec_Issuer(t *testing.T) {
	_, codec := issuing(t)
	members := func(c *token.Codec, use auth.TokenUse, in auth.Claims) map[string]any {
		t.Helper()
		tok, err := c.Mint(use, in)
		if err != nil {
			t.Fatal(err)
		}
		var all map[string]any
		if err := json.Unmarshal(decoded(t, tok, 1), &all); err != nil {
			t.Fatal(err)
		}
		return all
	}
	in := someClaims()
	got := members(codec(issuerURL), auth.UseAccess, in)
	if got["iss"] != issuerURL || got["aud"] != issuerURL || got["sub"] != in.User.ID || len(got["jti"].(string)) != 22 {
		t.Errorf("claims: %v", got)
	}
	if aud := members(codec(issuerURL, "a", "b"), auth.UseAccess, in)["aud"]; !reflect.DeepEqual(aud, []any{"a", "b"}) {
		t.Errorf("aud: %v", aud)
	}
	next := in
	next.Secret = "another"
	for name, other := range map[string]map[string]any{
		"another use": members(codec(issuerURL), auth.UseRefresh, in), "another generation": members(codec(issuerURL), auth.UseAccess, next),
	} {
		if other["jti"] == got["jti"] {
			t.Errorf("%s has the same jti", name)
		}
	}
	if again := members(codec(issuerURL), auth.UseAccess, in); again["jti"] != got["jti"] {
		t.Error("the same token has another jti")
	}
	for _, name := range []string{"iss", "aud", "sub", "jti"} {
		if _, there := members(codec(""), auth.UseAccess, in)[name]; there {
			t.Errorf("%s without an issuer", name)
		}
	}
}

func TestCodec_IssuerVerify(t *testing.T) {
	f, codec := issuing(t)
	rest := goodClaims[1:]
	for name, test := range map[string]struct {
		claims string
		by     *token.Codec
		want   auth.TokenFault
	}{
		"NoneOfThem":    {goodClaims, codec(issuerURL), 0},
		"Ours":          {`{"iss":"` + issuerURL + `","aud":"` + issuerURL + `",` + rest, codec(issuerURL), 0},
		"OneOfMany":     {`{"aud":["x","b"],` + rest, codec(issuerURL, "a", "b"), 0},
		"AnotherIssuer": {`{"iss":"https://evil.example",` + rest, codec(issuerURL), auth.FaultClaims},
		"AnotherAud":    {`{"aud":"x",` + rest, codec(issuerURL), auth.FaultClaims},
		"OthersAuds":    {`{"aud":["x","y"],` + rest, codec(issuerURL), auth.FaultClaims},
		"NoAud":         {`{"aud":[],` + rest, codec(issuerURL), auth.FaultClaims},
		"AnotherSub":    {`{"sub":"x",` + rest, codec(issuerURL), auth.FaultClaims},
		"AudANumber":    {`{"aud":5,` + rest, codec(issuerURL), auth.FaultJSON},
		"NoIssuerHere":  {`{"iss":"https://other.example","aud":"x",` + rest, codec(""), 0},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := test.by.Verify(auth.UseAccess, sign(t, f.access, plainHeader, test.claims), issuedAt)
			if got := failure(t, err).Fault; got != test.want {
				t.Errorf("fault %v, want %v (%v)", got, test.want, err)
			}
		})
	}
}

// TestCodec_AccessType: access tokens of RFC 9068 have its type and claims; refresh
// tokens do not. Tokens of both types are accepted, whichever is configured.
func TestCodec_AccessType(t *testing.T) {
	f := newFixture(t)
	codec := func(typ string) *token.Codec {
		return newCodec(t, token.Options{
			Access: token.KeySet{Signing: f.access}, Refresh: token.KeySet{Signing: f.refresh}, Issuer: issuerURL, AccessType: typ,
		})
	}
	plain, typed := codec(""), codec(token.AccessTypeRFC9068)
	for name, tt := range map[string]struct {
		codec *token.Codec
		use   auth.TokenUse
		typ   string
		rfc   bool
	}{
		"plain access": {plain, auth.UseAccess, "JWT", false}, "typed access": {typed, auth.UseAccess, "at+jwt", true},
		"plain refresh": {plain, auth.UseRefresh, "JWT", false}, "typed refresh": {typed, auth.UseRefresh, "JWT", false},
	} {
		t.Run(name, func(t *testing.T) {
			tok, err := tt.codec.Mint(tt.use, someClaims())
			if err != nil {
				t.Fatal(err)
			}
			var header, claims map[string]any
			if err := errors.Join(json.Unmarshal(decoded(t, tok, 0), &header), json.Unmarshal(decoded(t, tok, 1), &claims)); err != nil {
				t.Fatal(err)
			}
			if header["typ"] != tt.typ || (claims["client_id"] == issuerURL) != tt.rfc || (claims["scope"] == "account") != tt.rfc {
				t.Errorf("%v %v", header, claims)
			}
			for _, by := range []*token.Codec{plain, typed} {
				if got, err := by.Verify(tt.use, tok, issuedAt); err != nil || got.TokenID != claims["jti"] {
					t.Errorf("%+v, %v", got, err)
				}
			}
		})
	}
}
