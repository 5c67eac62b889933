package token

import (
	"encoding/base64"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

// encodings returns claims that need all features of the encoding.
func encodings() map[string]claims {
	zone := time.FixedZone("", -(3*3600 + 30*60))
	at := time.Date(2024, 2, 29, 23, 59, 59, 999_999_999, time.UTC)
	in := auth.Claims{
		User: auth.ClaimsUser{
			ID: "66312a78-1f9e-4d78-a9fb-231e84967f60", Name: "Ada", Email: "ada@example.com",
			EmailVerifiedAt: &at, CreatedAt: at.Add(-time.Hour), UpdatedAt: at,
		},
		SessionID: "95a51a3f-56fa-4889-bf80-3c57d054b1c2", Secret: strings.Repeat("5c", 32), IssuedAt: at, ExpiresAt: at.Add(time.Hour),
	}
	all := map[string]claims{"plain": newClaims(in, time.UTC), "zone": newClaims(in, zone)}
	for name, text := range map[string]string{
		"quotes": `Ada "the" \ Countess`, "HTML": "<b> & </b>", "empty": "", "space": "  ", "accents": "Zoë Ågren", "emoji": "👩‍💻",
		"line separator": "a\u2028b\u2029", "control": "a\tb\nc\x01\x7f", "not UTF-8": "a\xffb", "replacement": "\ufffd", "longest": strings.Repeat("n", 800),
	} {
		named := in
		named.User.Name = text
		all[name] = newClaims(named, time.UTC)
	}
	unverified, before := in, in
	unverified.User.EmailVerifiedAt = nil
	before.SessionID, before.Secret = "", ""
	all["unverified"], all["without session"] = newClaims(unverified, time.UTC), newClaims(before, time.UTC)
	for name, i := range map[string]issuer{
		"issuer":   newIssuer(Options{Issuer: "https://auth.example.com"}),
		"audience": newIssuer(Options{Issuer: "https://auth.example.com", Audience: []string{"a", "b&c"}}),
	} {
		c := newClaims(in, time.UTC)
		i.sign(auth.UseAccess, &c)
		all[name] = c
	}
	return all
}

// What is encoded is decoded to the same claims, and recognised as our own.
func TestClaims_Encode(t *testing.T) {
	for name, c := range encodings() {
		t.Run(name, func(t *testing.T) {
			text, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			if name == "not UTF-8" {
				return // its replacement has another encoding: the library decodes it
			}
			var own, general claims
			if !decodeOwn(encode(text), &own) {
				t.Fatal("not recognised")
			}
			if err := json.Unmarshal(text, &general); err != nil {
				t.Fatal(err)
			}
			for _, decoded := range []*claims{&own, &general} {
				again, err := json.Marshal(decoded)
				if err != nil || string(again) != string(text) {
					t.Errorf("decoded, and encoded again:\n%s (%v), want\n%s", again, err, text)
				}
			}
			a, b, want := own.value(), general.value(), c.value()
			for _, got := range []auth.Claims{a, b} {
				if verified := got.User.EmailVerifiedAt; (verified == nil) != (want.User.EmailVerifiedAt == nil) ||
					verified != nil && !verified.Equal(want.User.EmailVerifiedAt.Truncate(time.Microsecond)) {
					t.Errorf("verified at %v, want %v", verified, want.User.EmailVerifiedAt)
				}
			}
			a.User.EmailVerifiedAt, b.User.EmailVerifiedAt = nil, nil
			if !reflect.DeepEqual(a, b) || own.Subject != general.Subject {
				t.Errorf("decoded\n%+v, want\n%+v", own, general)
			}
		})
	}
	t.Run("ErrRange", func(t *testing.T) {
		c := encodings()["plain"]
		c.User.CreatedAt = stamp{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
		if _, err := json.Marshal(c); err == nil {
			t.Error("no error")
		}
	})
}

// The library decodes everything that is not encoded as Mint encodes it.
func TestDecodeOwn_Foreign(t *testing.T) {
	c := encodings()["issuer"]
	own, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string][2]string{
		"space": {`{"user"`, `{ "user"`}, "twice": {`"exp":`, `"exp":1,"exp":`}, "order": {`"name":"Ada","email":"ada@example.com"`, `"email":"ada@example.com","name":"Ada"`},
		"escape": {`"Ada"`, `"\u0041da"`}, "member": {`"jti":`, `"x":1,"jti":`}, "after": {`"}`, `"} `}, "fraction": {`,"iat"`, `.5,"iat"`},
		"leading zero": {`"exp":`, `"exp":0`}, "negative": {`"exp":`, `"exp":-`}, "null": {`"Ada"`, `null`}, "nanoseconds": {`.999999Z`, `.9999990Z`},
		"date": {`2024-02-29`, `2024-02-30`}, "case": {`"name"`, `"Name"`}, "cut": {`"jti"`, ``}, "audience of one as a list": {`"https://auth.example.com","jti"`, `["https://auth.example.com"],"jti"`},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(string(own), change[0], change[1], 1)
			if text == string(own) {
				t.Fatal("nothing was changed")
			}
			if decodeOwn(encode([]byte(text)), new(claims)) {
				t.Errorf("recognised as our own: %s", text)
			}
		})
	}
	if decodeOwn(encode(own)+"=", new(claims)) {
		t.Error("padding is accepted")
	}
}

func encode(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }

// BenchmarkClaims measures encoding and decoding the claims of a token. A refresh
// encodes two tokens and decodes one.
func BenchmarkClaims(b *testing.B) {
	c := encodings()["plain"]
	text, err := json.Marshal(&c)
	if err != nil {
		b.Fatal(err)
	}
	segment := encode(text)
	b.Run("encode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := json.Marshal(&c); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("decode", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if !decodeOwn(segment, new(claims)) {
				b.Fatal("not recognised")
			}
		}
	})
}
