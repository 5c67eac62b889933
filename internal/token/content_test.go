package token_test

import (
	"strings"
	"testing"

	"rekey/internal/auth"
)

const iat = `"iat":1000000000`

// wrongType returns the error of encoding/json for a member of the wrong type.
func wrongType(kind, field, goType string) auth.TokenFailure {
	return notJSON("json: cannot unmarshal " + kind + " into Go struct field " + field + " of type " + goType)
}

func TestCodec_Verify_dates(t *testing.T) {
	f := newFixture(t)
	own := func(claims string) string { return sign(t, f.refresh, plainHeader, claims) }
	dates := func(members string) string { return own(`{` + members + `}`) }
	expRange := badClaims("exp is out of range")
	runHostile(t, f, []hostile{
		{"Null", own("null"), badClaims("exp is missing")},
		{"NoExp", dates(iat), badClaims("exp is missing")},
		{"ExpNull", dates(`"exp":null,` + iat), badClaims("exp is missing")},
		{"ExpString", dates(`"exp":"4000000000",` + iat), wrongType("string", "claims.exp", "int64")},
		{"ExpEmptyString", dates(`"exp":"",` + iat), wrongType("string", "claims.exp", "int64")},
		{"ExpArray", dates(`"exp":[4000000000],` + iat), wrongType("array", "claims.exp", "int64")},
		{"ExpObject", dates(`"exp":{},` + iat), wrongType("object", "claims.exp", "int64")},
		{"ExpBool", dates(`"exp":true,` + iat), wrongType("bool", "claims.exp", "int64")},
		{"ExpNaN", dates(`"exp":NaN,` + iat), notJSON("invalid character 'N' looking for beginning of value")},
		{"ExpHex", dates(`"exp":0xEE6B2800,` + iat), notJSON("invalid character 'x' after object key:value pair")},
		{"ExpZero", dates(`"exp":0,` + iat), auth.TokenFailure{Fault: auth.FaultExpired, ExpiredBy: 1709294400e9}},
		{"ExpNegative", dates(`"exp":-1,` + iat), expRange},
		{"ExpNegativeFraction", dates(`"exp":-0.5,` + iat), expRange},
		{"ExpHuge", dates(`"exp":1e300,` + iat), expRange},
		{"ExpHugeNegative", dates(`"exp":-1e300,` + iat), expRange},
		{"ExpBeyondFloat", dates(`"exp":1e999,` + iat), expRange},
		{"ExpEndlessExponent", dates(`"exp":1e999999999,` + iat), expRange},
		{"ExpTinyExponent", dates(`"exp":4e-999999999,` + iat), expRange},
		{"ExpBeyondInt64", dates(`"exp":10000000000000000000,` + iat), expRange},
		{"ExpMaxInt64", dates(`"exp":9223372036854775807,` + iat), expRange},
		{"ExpYear10000", dates(`"exp":253402300800,` + iat), expRange},
		{"ExpLongNumber", dates(`"exp":4000000000.` + strings.Repeat("0", 40) + `,` + iat), expRange},
		{"ExpFloat", dates(`"exp":4000000000.5,` + iat), auth.TokenFailure{}},
		{"NoIat", dates(`"exp":4000000000`), badClaims("iat is missing")},
		{"IatNull", dates(`"exp":4000000000,"iat":null`), badClaims("iat is missing")},
		{"IatNegative", dates(`"exp":4000000000,"iat":-1`), badClaims("iat is out of range")},
		{"IatHuge", dates(`"exp":4000000000,"iat":1e20`), badClaims("iat is out of range")},
		{"IatString", dates(`"exp":4000000000,"iat":"1"`), wrongType("string", "claims.iat", "int64")},
		{"NoNbf", dates(`"exp":4000000000,` + iat), auth.TokenFailure{}},
		{"NbfNegative", dates(`"exp":4000000000,` + iat + `,"nbf":-1`), badClaims("nbf is out of range")},
		{"NbfBool", dates(`"exp":4000000000,` + iat + `,"nbf":false`), wrongType("bool", "claims.nbf", "int64")},
	})
}

func TestCodec_Verify_members(t *testing.T) {
	f := newFixture(t)
	own := func(claims string) string { return sign(t, f.refresh, plainHeader, claims) }
	dates := func(members string) string { return own(`{` + members + `}`) }
	runHostile(t, f, []hostile{
		{"DuplicateExp", dates(`"exp":1,"exp":4000000000,` + iat), badClaims(`claims: member "exp" is duplicated`)},
		{"DuplicateEscaped", dates(`"\u0065xp":1,"exp":4000000000,` + iat), badClaims(`claims: member "exp" is duplicated`)},
		{"DuplicateNested", dates(`"user":{"auth":{"id":"a","id":"b"}},"exp":4000000000,` + iat), badClaims(`claims: member "id" is duplicated`)},
		{"DuplicateUnknown", dates(`"x":[{"y":1,"y":2}],"exp":4000000000,` + iat), badClaims(`claims: member "y" is duplicated`)},
		{"DuplicateUser", dates(`"user":{},"user":{},"exp":4000000000,` + iat), badClaims(`claims: member "user" is duplicated`)},
		{"CaseVariantExp", dates(`"EXP":4000000000,` + iat), badClaims(`claims: member "EXP" is in the wrong case`)},
		{"CaseVariantBeside", dates(`"exp":1,"Exp":4000000000,` + iat), badClaims(`claims: member "Exp" is in the wrong case`)},
		{"CaseVariantNested", dates(`"user":{"auth":{"Token":"x"}},"exp":4000000000,` + iat), badClaims(`claims: member "Token" is in the wrong case`)},
		{"LongS", dates(`"u\u017fer":{},"exp":4000000000,` + iat), badClaims(`claims: member "u` + "\u017f" + `er" is in the wrong case`)},
		{"UnknownMember", dates(`"scope":["a","a"],"exp":4000000000,` + iat), auth.TokenFailure{}},
		{"SameNameElsewhere", dates(`"a":{"x":1},"b":{"x":2},"exp":4000000000,` + iat), auth.TokenFailure{}},
		{"Trailing", own(goodClaims + `{}`), badClaims("claims: data after the end")},
		{"TrailingGarbage", own(goodClaims + `x`), badClaims("claims: data after the end")},
		{"TrailingSpace", own(goodClaims + " \n"), auth.TokenFailure{}},
		{"InvalidUTF8", dates("\"x\":\"\xc3\x28\",\"exp\":4000000000," + iat), badClaims("claims: not UTF-8")},
		{"UserString", dates(`"user":"x","exp":4000000000,` + iat), wrongType("string", "claims.user", "token.userClaim")},
		{"UserIDNumber", dates(`"user":{"id":7},"exp":4000000000,` + iat), wrongType("number", "userClaim.user.id", "string")},
		{"TokenArray", dates(`"user":{"auth":{"token":[]}},"exp":4000000000,` + iat), wrongType("array", "authClaim.user.auth.token", "string")},
		{"CreatedAtNumber", dates(`"user":{"created_at":7},"exp":4000000000,` + iat), wrongType("number", "userClaim.user.created_at", "string")},
		{"CreatedAtGarbage", dates(`"user":{"created_at":"yesterday"},"exp":4000000000,` + iat), notJSON("a time of the user is not RFC 3339")},
		{"VerifiedAtGarbage", dates(`"user":{"email_verified_at":"2024-13-01T00:00:00Z"},"exp":4000000000,` + iat), notJSON("a time of the user is not RFC 3339")},
		{"DeepNesting", dates(`"x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000) + `,"exp":4000000000,` + iat), auth.TokenFailure{}},
		{"ForgedWithoutExp", sign(t, f.access, plainHeader, `{}`), fault(auth.FaultSignature)},
		{"ForgedTrailing", sign(t, f.access, plainHeader, goodClaims+`x`), fault(auth.FaultSignature)},
	})
}

// Errors of encoding/json contain a bounded part of the token.
func TestCodec_Verify_detailIsBounded(t *testing.T) {
	f := newFixture(t)
	tok := sign(t, f.refresh, plainHeader, `{"user":{"id":1`+strings.Repeat("0", 3000)+`}}`)
	_, err := f.codec.Verify(auth.UseRefresh, tok, issuedAt)
	got := failure(t, err)
	if got.Fault != auth.FaultJSON || len(got.Detail) > 256 {
		t.Errorf("fault %d with %d bytes of detail", got.Fault, len(got.Detail))
	}
}
