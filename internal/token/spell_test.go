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

// spellings are claims whose JSON is not the plainest.
func spellings() map[string]claims {
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

// What spell writes is what encoding/json writes, and readOwn reads it back.
func TestClaims_spell(t *testing.T) {
	for name, c := range spellings() {
		t.Run(name, func(t *testing.T) {
			want, err := json.Marshal(c)
			if err != nil {
				t.Fatal(err)
			}
			got, err := c.spell(nil)
			if err != nil || string(got) != string(want) {
				t.Fatalf("spelt\n%s (%v), want\n%s", got, err, want)
			}
			if name == "not UTF-8" {
				return // its replacement is spelt otherwise: the library reads it
			}
			var read, general claims
			if !readOwn(encode(got), &read, new(scratch)) {
				t.Fatal("not read back")
			}
			if err := json.Unmarshal(want, &general); err != nil {
				t.Fatal(err)
			}
			a, b := read.value(), general.value()
			if verified := a.User.EmailVerifiedAt; (verified == nil) != (b.User.EmailVerifiedAt == nil) || verified != nil && !verified.Equal(*b.User.EmailVerifiedAt) {
				t.Errorf("verified at %v, want %v", verified, b.User.EmailVerifiedAt)
			}
			a.User.EmailVerifiedAt, b.User.EmailVerifiedAt = nil, nil
			if !reflect.DeepEqual(a, b) || read.Subject != general.Subject {
				t.Errorf("read\n%+v, want\n%+v", read, general)
			}
		})
	}
	t.Run("OutOfRange", func(t *testing.T) {
		c := spellings()["plain"]
		c.User.CreatedAt = stamp{time.Date(10000, 1, 1, 0, 0, 0, 0, time.UTC)}
		if _, err := c.spell(nil); err == nil {
			t.Error("no error")
		}
	})
}

// Anything but Mint's own spelling is left to the library.
func TestReadOwn_Foreign(t *testing.T) {
	c := spellings()["issuer"]
	own, err := c.spell(nil)
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
			if readOwn(encode([]byte(text)), new(claims), new(scratch)) {
				t.Errorf("taken for Mint's: %s", text)
			}
		})
	}
	if readOwn(encode(own)+"=", new(claims), new(scratch)) {
		t.Error("padding is taken")
	}
}

func encode(text []byte) string { return base64.RawURLEncoding.EncodeToString(text) }
