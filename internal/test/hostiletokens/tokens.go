// Package hostiletokens has one table of unusual access tokens. rekey and package
// verify must accept and refuse the same ones. All are signed with the right key
// unless the name says otherwise, so what decides is how a token is written.
package hostiletokens

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"
)

// Base describes a valid access token, from which the others differ.
type Base struct {
	Key                       *ecdsa.PrivateKey
	KID                       string
	UserID, SessionID, Secret string
	IssuedAt                  time.Time
}

// Token is a token of the table. Valid tokens are unusual, but must be accepted.
type Token struct {
	Name  string
	Text  string
	Valid bool
}

// change is a replacement in the text of the header or the claims of the valid
// token. If to is nil, the row replaces nothing and encodes the token in its way.
type change struct {
	name   string
	header bool
	from   string
	to     string
	valid  bool
}

// Table returns the tokens.
func Table(tb testing.TB, b Base) []Token {
	tb.Helper()
	header, claims := b.header(), b.claims()
	tokens := []Token{{"unchanged", sign(tb, b.Key, header, claims), true}}
	for _, c := range append(b.headerChanges(), append(b.memberChanges(), b.dateChanges()...)...) {
		target := claims
		if c.header {
			target = header
		}
		if strings.Count(target, c.from) != 1 {
			tb.Fatalf("%s: %q occurs %d times in %s", c.name, c.from, strings.Count(target, c.from), target)
		}
		target = strings.Replace(target, c.from, c.to, 1)
		text := sign(tb, b.Key, header, target)
		if c.header {
			text = sign(tb, b.Key, target, claims)
		}
		tokens = append(tokens, Token{c.name, text, c.valid})
	}
	return append(tokens, b.encodings(tb)...)
}

func (b Base) header() string {
	return fmt.Sprintf(`{"alg":"ES256","typ":"JWT","kid":%q}`, b.KID)
}

func (b Base) claims() string {
	iat := b.IssuedAt.Unix()
	return fmt.Sprintf(`{"user":{"id":%q,"name":"Ada","email":"ada@example.com","email_verified_at":null,`+
		`"created_at":"2024-01-01T00:00:00.000000Z","updated_at":"2024-01-02T00:00:00.000000Z","auth":{"id":%q,"token":%q}},`+
		`"exp":%d,"iat":%d,"nbf":%d}`, b.UserID, b.SessionID, b.Secret, iat+600, iat, iat-1)
}

func (b Base) headerChanges() []change {
	kid := fmt.Sprintf(`"kid":%q`, b.KID)
	with := func(name, member string, valid bool) change {
		return change{name, true, `"typ":"JWT"`, `"typ":"JWT",` + member, valid}
	}
	return []change{
		{"no kid, as from a legacy service", true, "," + kid, "", true},
		{"kid is empty", true, kid, `"kid":""`, false},
		{"kid is null", true, kid, `"kid":null`, false},
		{"kid is a number", true, kid, `"kid":1`, false},
		{"kid is a list", true, kid, fmt.Sprintf(`"kid":[%q]`, b.KID), false},
		{"kid is duplicated", true, kid, `"kid":"x",` + kid, false},
		{"alg is duplicated", true, `"alg":"ES256"`, `"alg":"none","alg":"ES256"`, false},
		{"alg is escaped and duplicated", true, `"alg":"ES256"`, `"\u0061lg":"none","alg":"ES256"`, false},
		{"alg in lower case", true, "ES256", "es256", false},
		{"alg none", true, "ES256", "none", false},
		{"alg is HS256", true, "ES256", "HS256", false},
		{"alg is ES384", true, "ES256", "ES384", false},
		{"alg is RS256", true, "ES256", "RS256", false},
		{"alg is missing", true, `"alg":"ES256",`, "", false},
		{"alg is null", true, `"ES256"`, "null", false},
		{"ALG beside alg", true, `"alg":"ES256"`, `"alg":"ES256","ALG":"none"`, false},
		with("KID beside kid", `"KID":"x"`, false),
		with("Kelvin sign for k", `"`+"\u212a"+`id":"x"`, false),
		with("crit", `"crit":["exp"]`, false),
		with("crit is empty", `"crit":[]`, false),
		with("crit is null", `"crit":null`, false),
		with("Crit", `"Crit":["x"]`, false),
		with("b64 with crit", `"crit":["b64"],"b64":false`, false),
		with("a key of its own", `"jwk":{"kty":"EC","crv":"P-256","x":"AA","y":"AA"}`, true),
		with("an unknown member", `"x":[1,{"y":2}]`, true),
		with("an unknown member is duplicated", `"x":1,"x":2`, false),
		with("header is not UTF-8", "\"x\":\"\xff\"", false),
		{"data after the header", true, `"typ":"JWT"`, `"typ":"JWT"}{"x":1`, false},
		{"byte order mark before the header", true, `{"alg"`, "\ufeff" + `{"alg"`, false},
	}
}

func (b Base) memberChanges() []change {
	id := fmt.Sprintf(`"id":%q`, b.UserID)
	with := func(name, member string, valid bool) change {
		return change{name, false, `{"user"`, `{` + member + `,"user"`, valid}
	}
	session := func(name, id string) change { return change{"session's id " + name, false, b.SessionID, id, false} }
	hex := strings.ReplaceAll(b.SessionID, "-", "")
	return []change{
		with("sub is the user", fmt.Sprintf(`"sub":%q`, b.UserID), true),
		with("sub is empty", `"sub":""`, true),
		with("sub is null", `"sub":null`, true),
		with("sub is another user", `"sub":"0199aaaa-0000-7000-8000-00000000ffff"`, false),
		with("sub is the user in capitals", fmt.Sprintf(`"sub":%q`, strings.ToUpper(b.UserID)), false),
		with("sub is followed by a blank", fmt.Sprintf(`"sub":%q`, b.UserID+" "), false),
		with("sub is a number", `"sub":1`, false),
		with("sub is a list", fmt.Sprintf(`"sub":[%q]`, b.UserID), false),
		with("SUB", `"SUB":"x"`, false),
		with("aud is a number", `"aud":5`, false),
		with("aud has a number", `"aud":["x",5]`, false),
		with("iss is a list", `"iss":["x"]`, false),
		with("jti is a number", `"jti":1`, false),
		with("an unknown member", `"scope":["a","a"]`, true),
		with("a nested member is duplicated", `"x":[{"y":1,"y":2}]`, false),
		with("user is duplicated", `"user":{}`, false),
		with("User beside user", `"User":{}`, false),
		with("long s", `"u`+"\u017f"+`er":{}`, false),
		with("not UTF-8", "\"x\":\"\xc3\x28\"", false),
		with("overlong UTF-8", "\"x\":\"\xc0\xaf\"", false),
		with("a surrogate in UTF-8", "\"x\":\"\xed\xa0\x80\"", false),
		with("a control character", "\"x\":\"a\nb\"", false),
		with("a comment", "/* x */\"x\":1", false),
		{"id is duplicated", false, id, `"id":"x",` + id, false},
		{"id is duplicated with an escape", false, id, `"\u0069d":"x",` + id, false},
		{"Id beside id", false, id, id + `,"Id":"x"`, false},
		{"id is a number", false, id, `"id":7`, false},
		{"id is missing", false, id + ",", "", false},
		{"name is a number", false, `"name":"Ada"`, `"name":7`, false},
		{"a time of the user is a number", false, `"2024-01-01T00:00:00.000000Z"`, "7", false},
		{"a time of the user is a word", false, `2024-01-01T00:00:00.000000Z`, "yesterday", false},
		{"email_verified_at is true", false, `"email_verified_at":null`, `"email_verified_at":true`, false},
		{"token is a list", false, fmt.Sprintf(`"token":%q`, b.Secret), `"token":[]`, false},
		{"token is duplicated", false, `"token":`, `"token":"x","token":`, false},
		{"Token beside token", false, `"token":`, `"Token":"x","token":`, false},
		{"auth is duplicated", false, `"auth":`, `"auth":{},"auth":`, false},
		session("in capitals", strings.ToUpper(b.SessionID)),
		session("without hyphens", hex),
		session("in braces", "{"+b.SessionID+"}"),
		session("as a URN", "urn:uuid:"+b.SessionID),
		session("with a blank before it", " "+b.SessionID),
		session("with a blank after it", b.SessionID+" "),
		session("with a zero byte", b.SessionID+`\u0000`),
		session("with a soft hyphen", b.SessionID+"\u00ad"),
		session("with hyphens elsewhere", hex[:4]+"-"+hex[4:12]+"-"+hex[12:16]+"-"+hex[16:20]+"-"+hex[20:]),
		session("in full-width digits", "\uff10"+b.SessionID[1:]),
		session("is empty", ""),
	}
}

func (b Base) dateChanges() []change {
	iat := b.IssuedAt.Unix()
	exp := fmt.Sprintf(`"exp":%d`, iat+600)
	issued := fmt.Sprintf(`"iat":%d`, iat)
	nbf := fmt.Sprintf(`"nbf":%d`, iat-1)
	to := func(name, from, to string, valid bool) change { return change{name, false, from, to, valid} }
	return []change{
		to("exp as text", exp, fmt.Sprintf(`"exp":"%d"`, iat+600), false),
		to("exp as empty text", exp, `"exp":""`, false),
		to("exp as a list", exp, fmt.Sprintf(`"exp":[%d]`, iat+600), false),
		to("exp is true", exp, `"exp":true`, false),
		to("exp is null", exp, `"exp":null`, false),
		to("exp is missing", exp+",", "", false),
		to("exp is zero", exp, `"exp":0`, false),
		to("exp is negative", exp, `"exp":-1`, false),
		to("exp is huge", exp, `"exp":1e300`, false),
		to("exp has an endless exponent", exp, `"exp":1e999999999`, false),
		to("exp is beyond int64", exp, `"exp":10000000000000000000`, false),
		to("exp after the year 9999", exp, `"exp":253402300800`, false),
		to("exp in hexadecimal", exp, `"exp":0xEE6B2800`, false),
		to("exp with a leading zero", exp, fmt.Sprintf(`"exp":0%d`, iat+600), false),
		to("exp with a plus", exp, fmt.Sprintf(`"exp":+%d`, iat+600), false),
		to("exp is NaN", exp, `"exp":NaN`, false),
		to("exp with a fraction", exp, exp+".5", true),
		to("exp in milliseconds", exp, exp+"000", false),
		to("exp is duplicated", exp, `"exp":1,`+exp, false),
		to("exp is duplicated, later first", exp, exp+`,"\u0065xp":4000000000`, false),
		to("Exp beside exp", exp, exp+`,"Exp":4000000000`, false),
		to("EXP alone", exp, strings.ToUpper(exp), false),
		to("iat as text", issued, fmt.Sprintf(`"iat":"%d"`, iat), false),
		to("iat is missing", issued+",", "", false),
		to("iat is negative", issued, `"iat":-1`, false),
		to("iat in the future", issued, fmt.Sprintf(`"iat":%d`, iat+3600), false),
		to("nbf is missing", ","+nbf, "", true),
		to("nbf as text", nbf, fmt.Sprintf(`"nbf":"%d"`, iat-1), false),
		to("nbf is false", nbf, `"nbf":false`, false),
		to("nbf is negative", nbf, `"nbf":-1`, false),
		to("nbf in the future", nbf, fmt.Sprintf(`"nbf":%d`, iat+3600), false),
		to("data after the end", nbf+"}", nbf+"}{}", false),
		to("garbage after the end", nbf+"}", nbf+"}x", false),
		to("white space after the end", nbf+"}", nbf+"} \n", true),
		to("a comma before the end", nbf+"}", nbf+",}", false),
		to("cut", nbf+"}", nbf, false),
	}
}

// encodings are tokens whose segments are written in another way.
func (b Base) encodings(tb testing.TB) []Token {
	tb.Helper()
	good := sign(tb, b.Key, b.header(), b.claims())
	parts := strings.Split(good, ".")
	h, c, s := parts[0], parts[1], parts[2]
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	raw, err := base64.RawURLEncoding.DecodeString(s)
	if err != nil {
		tb.Fatal(err)
	}
	mac := hmac.New(sha256.New, []byte(b.KID))
	mac.Write([]byte(h + "." + c))
	bad := map[string]string{
		"empty": "", "two segments": join(h, c), "four segments": join(h, c, s, s), "a dot at the end": good + ".",
		"no signature": join(h, c, ""), "HMAC": join(h, c, base64.RawURLEncoding.EncodeToString(mac.Sum(nil))),
		"padded": good + "==", "line feed": good + "\n", "carriage return within": join(h, "\r"+c, s),
		"blank before": " " + good, "blank after": good + " ", "zero byte": good + "\x00",
		"spare bits": good[:len(good)-1] + string(good[len(good)-1]+1),
		"cut":        good[:len(good)-1], "signature in standard base64": join(h, c, base64.RawStdEncoding.EncodeToString(bytesOf(0xff, raw))),
		"signature in DER": join(h, c, der(tb, b.Key, h+"."+c)), "a signature of zeros": join(h, c, base64.RawURLEncoding.EncodeToString(make([]byte, 64))),
		"a longer signature": join(h, c, base64.RawURLEncoding.EncodeToString(append(raw, 0))),
		"twice":              good + good, "too long": sign(tb, b.Key, b.header(), strings.Replace(b.claims(), "Ada", strings.Repeat("A", 9000), 1)),
		"JSON serialization": `{"protected":"` + h + `","payload":"` + c + `","signature":"` + s + `"}`,
		"claims are null":    sign(tb, b.Key, b.header(), "null"), "claims are a list": sign(tb, b.Key, b.header(), "["+b.claims()+"]"),
		"claims are empty": sign(tb, b.Key, b.header(), ""), "header is null": sign(tb, b.Key, "null", b.claims()),
		"claims in UTF-16": sign(tb, b.Key, b.header(), "{\x00\"\x00}\x00"),
	}
	tokens := make([]Token, 0, len(bad))
	for name, text := range bad {
		tokens = append(tokens, Token{"encoding: " + name, text, false})
	}
	return tokens
}

// bytesOf returns a copy whose first byte is b, so that standard base64 needs a
// character that base64url does not have.
func bytesOf(b byte, raw []byte) []byte { return append([]byte{b, b, b}, raw[3:]...) }

func sign(tb testing.TB, key *ecdsa.PrivateKey, header, claims string) string {
	tb.Helper()
	encode := base64.RawURLEncoding.EncodeToString
	signed := encode([]byte(header)) + "." + encode([]byte(claims))
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	raw := make([]byte, 64)
	r.FillBytes(raw[:32])
	s.FillBytes(raw[32:])
	return signed + "." + encode(raw)
}

func der(tb testing.TB, key *ecdsa.PrivateKey, signed string) string {
	tb.Helper()
	digest := sha256.Sum256([]byte(signed))
	text, err := ecdsa.SignASN1(rand.Reader, key, digest[:])
	if err != nil {
		tb.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(text)
}
