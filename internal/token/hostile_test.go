package token_test

import (
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// hostile is a token and its fault; there is no fault if it is valid.
type hostile struct {
	name  string
	token string
	want  auth.TokenFailure
}

const goodClaims = `{"user":{"id":"u","name":"n","email":"e","email_verified_at":null,` +
	`"created_at":"2024-01-01T00:00:00.000000Z","updated_at":"2024-01-01T00:00:00.000000Z",` +
	`"auth":{"id":"s","token":"t"}},"exp":4000000000,"iat":1000000000,"nbf":999999999}`

func fault(f auth.TokenFault) auth.TokenFailure { return auth.TokenFailure{Fault: f} }

func corrupt(offset int64) auth.TokenFailure {
	return auth.TokenFailure{Fault: auth.FaultBase64, Offset: offset}
}

func notJSON(text string) auth.TokenFailure {
	return auth.TokenFailure{Fault: auth.FaultJSON, Detail: text}
}

func alg(text string) auth.TokenFailure {
	return auth.TokenFailure{Fault: auth.FaultAlgorithm, Algorithm: text}
}

func badClaims(text string) auth.TokenFailure {
	return auth.TokenFailure{Fault: auth.FaultClaims, Detail: text}
}

func runHostile(t *testing.T, f fixture, rows []hostile) {
	t.Helper()
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := f.codec.Verify(auth.UseRefresh, row.token, issuedAt)
			if got := failure(t, err); got != row.want {
				t.Errorf("%+v, want %+v", got, row.want)
			}
		})
	}
}

func TestCodec_Verify_form(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	h, c, s := segment(plainHeader), segment(goodClaims), strings.Split(good, ".")[2]
	join := func(parts ...string) string { return strings.Join(parts, ".") }
	bom := "\ufeff" + goodClaims
	runHostile(t, f, []hostile{
		{"Good", sign(t, f.refresh, plainHeader, goodClaims), auth.TokenFailure{}},
		{"TooLong", strings.Repeat("a", auth.MaxTokenBytes+1), fault(auth.FaultTooLong)},
		{"TooManyDotsToLookAt", strings.Repeat(".", 1<<20), fault(auth.FaultTooLong)},
		{"Dots", strings.Repeat(".", auth.MaxTokenBytes), fault(auth.FaultSegments)},
		{"Empty", "", fault(auth.FaultSegments)},
		{"OneSegment", "abc", fault(auth.FaultSegments)},
		{"TwoSegments", join(h, c), fault(auth.FaultSegments)},
		{"FourSegments", join(h, c, s, s), fault(auth.FaultSegments)},
		{"FiveSegmentsAsInJWE", join(h, c, s, s, s), fault(auth.FaultSegments)},
		{"TrailingDot", good + ".", fault(auth.FaultSegments)},
		{"JSONSerialisation", `{"payload":"` + c + `","signature":"` + s + `"}`, fault(auth.FaultSegments)},
		{"HeaderBase64", join("!"+h, c, s), corrupt(0)},
		{"HeaderStandardAlphabet", join("ab+/", c, s), corrupt(2)},
		{"HeaderOneCharacter", join("a", c, s), corrupt(1)},
		{"HeaderSpace", join(" "+h, c, s), corrupt(0)},
		{"ClaimsBase64", join(h, "abcd$", s), corrupt(4)},
		{"ClaimsPaddingWithin", join(h, "ab==cd", s), corrupt(4)},
		{"SignatureBase64", join(h, c, "abcde*"), corrupt(5)},
		{"SignatureOneOver", join(h, c, s+"ABC"), corrupt(89)},
		{"HeaderBeforeClaims", join("!", "!!", "!!!"), corrupt(0)},
		{"EmptySegments", "..", notJSON("unexpected end of JSON input")},
		{"HeaderEmpty", join("", c, s), notJSON("unexpected end of JSON input")},
		{"HeaderNotJSON", join(segment("alg"), c, s), notJSON("invalid character 'a' looking for beginning of value")},
		{"HeaderArray", join(segment("[]"), c, s), notJSON("json: cannot unmarshal array into Go value of type map[string]interface {}")},
		{"HeaderTrailing", join(segment(plainHeader+"x"), c, s), notJSON("invalid character 'x' after top-level value")},
		{"ClaimsEmpty", join(h, "", s), notJSON("EOF")},
		{"ClaimsCut", join(h, segment(`{"exp":1`), s), notJSON("unexpected EOF")},
		{"ClaimsNotJSON", join(h, segment("exp"), s), notJSON("invalid character 'e' looking for beginning of value")},
		{"ClaimsArray", join(h, segment("[]"), s), notJSON("json: cannot unmarshal array into Go value of type token.claims")},
		{"ClaimsBOM", sign(t, f.refresh, plainHeader, bom), notJSON("invalid character 'ï' looking for beginning of value")},
		{"ClaimsUTF16", sign(t, f.refresh, plainHeader, "{\x00\"\x00}\x00"), notJSON(`invalid character '\x00' looking for beginning of object key string`)},
		{"ClaimsBeforeAlgorithm", join(segment(`{"alg":"none"}`), segment("x"), s), notJSON("invalid character 'x' looking for beginning of value")},
		{"AlgorithmBeforeSignature", join(segment(`{"alg":"none"}`), c, "*"), alg("none")},
		{"SignatureEmpty", join(h, c, ""), fault(auth.FaultSignature)},
	})
}

func TestCodec_Verify_algorithm(t *testing.T) {
	f := newFixture(t)
	ec := func(header string) string { return sign(t, f.refresh, header, goodClaims) }
	publicPEM := pkix(t, &f.refresh.PublicKey)
	point, err := f.refresh.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	runHostile(t, f, []hostile{
		{"None", segment(`{"alg":"none"}`) + "." + segment(goodClaims) + ".", alg("none")},
		{"NoneCapital", ec(`{"alg":"None"}`), alg("None")},
		{"NoneShouted", ec(`{"alg":"NONE"}`), alg("NONE")},
		{"NoneMixed", ec(`{"alg":"nOnE"}`), alg("nOnE")},
		{"HS256ByPublicPEM", hs256(publicPEM), alg("HS256")},
		{"HS256ByPublicPoint", hs256(point), alg("HS256")},
		{"HS256ByNothing", hs256(nil), alg("HS256")},
		{"RS256", ec(`{"alg":"RS256"}`), alg("RS256")},
		{"ES384", ec(`{"alg":"ES384"}`), alg("ES384")},
		{"ES384ByOurKey", es384(t, f.refresh), alg("ES384")},
		{"ES256K", ec(`{"alg":"ES256K"}`), alg("ES256K")},
		{"LowerCase", ec(`{"alg":"es256"}`), alg("es256")},
		{"TrailingSpace", ec(`{"alg":"ES256 "}`), alg("ES256?")},
		{"Empty", ec(`{"alg":""}`), alg("")},
		{"Missing", ec(`{"typ":"JWT"}`), alg("<nil>")},
		{"MissingButCaseVariant", ec(`{"ALG":"ES256"}`), alg("<nil>")},
		{"Null", ec(`{"alg":null}`), alg("<nil>")},
		{"NullHeader", ec(`null`), alg("<nil>")},
		{"Number", ec(`{"alg":256}`), alg("256")},
		{"Array", ec(`{"alg":["ES256"]}`), alg("[ES256]")},
		{"DuplicateLastWins", ec(`{"alg":"ES256","alg":"none"}`), alg("none")},
		{"Unprintable", ec(`{"alg":"a\nb\u0000\u001b[31mé"}`), alg("a?b??[31m?")},
		{"Endless", ec(`{"alg":"` + strings.Repeat("A", 4000) + `"}`), alg(strings.Repeat("A", 32))},
	})
}

// es384 returns a token that our key signed with another algorithm.
func es384(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	signed := segment(`{"alg":"ES384","typ":"JWT"}`) + "." + segment(goodClaims)
	digest := sha512.Sum384([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	if err != nil {
		t.Fatal(err)
	}
	raw := make([]byte, 96)
	r.FillBytes(raw[:48])
	s.FillBytes(raw[48:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(raw)
}

func hs256(key []byte) string {
	signed := segment(`{"alg":"HS256","typ":"JWT"}`) + "." + segment(goodClaims)
	mac := hmac.New(sha256.New, key)
	mac.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func TestCodec_Verify_header(t *testing.T) {
	f := newFixture(t)
	attacker := newKey(t)
	with := func(member string) string { return `{"alg":"ES256","typ":"JWT",` + member + `}` }
	own := func(member string) string { return sign(t, f.refresh, with(member), goodClaims) }
	forged := func(member string) string { return sign(t, attacker, with(member), goodClaims) }
	kid := func(key *ecdsa.PrivateKey) string { return `"kid":"` + token.Thumbprint(&key.PublicKey) + `"` }
	jwk := `"jwk":` + jwkOf(t, attacker)
	bad := fault(auth.FaultSignature)
	runHostile(t, f, []hostile{
		{"OwnKid", own(kid(f.refresh)), auth.TokenFailure{}},
		{"SpareKeyWithoutKid", sign(t, f.spare, plainHeader, goodClaims), auth.TokenFailure{}},
		{"SpareKeyByKid", sign(t, f.spare, with(kid(f.spare)), goodClaims), auth.TokenFailure{}},
		{"SpareKeyNamedAsAnother", sign(t, f.spare, with(kid(f.refresh)), goodClaims), bad},
		{"AccessKeyWithoutKid", sign(t, f.access, plainHeader, goodClaims), bad},
		{"AccessKeyByItsKid", sign(t, f.access, with(kid(f.access)), goodClaims), bad},
		{"AccessKeyByAnothersKid", sign(t, f.access, with(kid(f.refresh)), goodClaims), bad},
		{"OwnSignatureButKidOfAccess", own(kid(f.access)), bad},
		{"KidOfAttacker", forged(kid(attacker)), bad},
		{"KidPath", own(`"kid":"../../dev/null"`), bad},
		{"KidSQL", own(`"kid":"' OR 1=1 --"`), bad},
		{"KidURL", own(`"kid":"https://attacker.example/key"`), bad},
		{"KidEmpty", own(`"kid":""`), bad},
		{"KidNull", own(`"kid":null`), bad},
		{"KidNumber", own(`"kid":0`), bad},
		{"KidArray", own(`"kid":["x"]`), bad},
		{"KidLong", own(`"kid":"` + strings.Repeat("k", 4000) + `"`), bad},
		{"JWKAndItsSignature", forged(jwk), bad},
		{"JWKIgnored", own(jwk), auth.TokenFailure{}},
		{"JKU", forged(`"jku":"http://127.0.0.1:1/jwks"`), bad},
		{"X5U", forged(`"x5u":"http://127.0.0.1:1/cert"`), bad},
		{"X5C", forged(`"x5c":["` + base64.StdEncoding.EncodeToString(pkix(t, &attacker.PublicKey)) + `"]`), bad},
		{"X5CIgnored", own(`"x5c":["AAAA"]`), auth.TokenFailure{}},
		{"CritUnknown", own(`"crit":["x"],"x":1`), fault(auth.FaultHeader)},
		{"CritEmpty", own(`"crit":[]`), fault(auth.FaultHeader)},
		{"CritNull", own(`"crit":null`), fault(auth.FaultHeader)},
		{"CritB64", own(`"crit":["b64"],"b64":false`), fault(auth.FaultHeader)},
		{"CritForged", forged(`"crit":["x"]`), fault(auth.FaultHeader)},
		{"OtherTyp", sign(t, f.refresh, `{"alg":"ES256","typ":"at+jwt"}`, goodClaims), auth.TokenFailure{}},
		{"DuplicateAlg", sign(t, f.refresh, `{"alg":"none","alg":"ES256"}`, goodClaims), badClaims(`header: member "alg" is duplicated`)},
		{"DuplicateKid", own(`"kid":"x",` + kid(f.refresh)), badClaims(`header: member "kid" is duplicated`)},
		{"CaseVariantKid", own(`"KID":"x"`), badClaims(`header: member "KID" is in the wrong case`)},
		{"KelvinKid", own(`"\u212aid":"x"`), badClaims(`header: member "` + "\u212a" + `id" is in the wrong case`)},
		{"CaseVariantCrit", own(`"Crit":["x"]`), badClaims(`header: member "Crit" is in the wrong case`)},
		{"InvalidUTF8", own("\"x\":\"\xff\""), badClaims("header: not UTF-8")},
	})
}

func jwkOf(t *testing.T, key *ecdsa.PrivateKey) string {
	t.Helper()
	point, err := key.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	return fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q}`, encode(point[1:33]), encode(point[33:]))
}
