package token_test

import (
	"encoding/json"
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
