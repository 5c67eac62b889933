package token_test

import (
	"crypto/elliptic"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"strings"
	"testing"

	"rekey/internal/auth"
)

func TestCodec_Verify_signature(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	cut := strings.LastIndex(good, ".") + 1
	signed, sig := good[:cut], decoded(t, good, 2)
	with := func(raw []byte) string { return signed + base64.RawURLEncoding.EncodeToString(raw) }
	n := elliptic.P256().Params().N
	r, s := new(big.Int).SetBytes(sig[:32]), new(big.Int).SetBytes(sig[32:])
	pair := func(r, s *big.Int) string {
		raw := make([]byte, 64)
		r.FillBytes(raw[:32])
		s.FillBytes(raw[32:])
		return with(raw)
	}
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		t.Fatal(err)
	}
	flipped := append([]byte(nil), sig...)
	flipped[40] ^= 1
	zero := new(big.Int)
	bad := fault(auth.FaultSignature)
	runHostile(t, f, []hostile{
		{"Good", pair(r, s), auth.TokenFailure{}},
		// Both (r, s) and (r, n-s) verify under ECDSA. The second form is accepted:
		// it has the same claims, and so the same session and secret. Tokens are
		// rotated and blacklisted by these alone.
		{"MirroredS", pair(r, new(big.Int).Sub(n, s)), auth.TokenFailure{}},
		{"AllZero", with(make([]byte, 64)), bad},
		{"ZeroR", pair(zero, s), bad},
		{"ZeroS", pair(r, zero), bad},
		{"ROrder", pair(n, s), bad},
		{"SOrder", pair(r, n), bad},
		{"BothOrder", pair(n, n), bad},
		{"Swapped", pair(s, r), bad},
		{"OneBit", with(flipped), bad},
		{"DER", with(der), bad},
		{"Cut", with(sig[:63]), bad},
		{"Half", with(sig[:32]), bad},
		{"OneByteMore", with(append(append([]byte(nil), sig...), 0)), bad},
		{"LeadingZeroByte", with(append([]byte{0}, sig...)), bad},
		{"ES512Length", with(make([]byte, 132)), bad},
		{"OtherKey", sign(t, newKey(t), plainHeader, goodClaims), bad},
		{"ClaimsAltered", strings.Replace(good, strings.Split(good, ".")[1], segment(goodClaims), 1), bad},
		{"HeaderAltered", segment(plainHeader) + good[strings.Index(good, "."):], bad},
	})
}

// Every byte of a good token matters.
func TestCodec_Verify_everyByte(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	for i := range good {
		altered := []byte(good)
		if altered[i]++; altered[i] == '{' { // the character after z
			altered[i] = 'a'
		}
		if _, err := f.codec.Verify(auth.UseRefresh, string(altered), issuedAt); err == nil {
			t.Fatalf("verifies with byte %d altered", i)
		}
	}
}

// A token has one encoding, even if others decode to the same bytes.
func TestCodec_Verify_encoding(t *testing.T) {
	f := newFixture(t)
	good := f.mint(t)
	bad := fault(auth.FaultSignature)
	last := good[len(good)-1:]
	var rows []hostile
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	// 64 bytes leave four unused bits in the last character: 16 encodings.
	for _, c := range strings.Split(alphabet, "") {
		if c != last {
			rows = append(rows, hostile{"LastCharacter" + c, good[:len(good)-1] + c, bad})
		}
	}
	parts := strings.Split(good, ".")
	for i, name := range []string{"Header", "Claims", "Signature"} {
		rows = append(rows, reencoded(f, t, parts, i, name)...)
	}
	runHostile(t, f, rows)
}

// reencoded encodes one segment in other ways. Four line breaks keep the length a
// multiple of four, so that the lenient decoder returns the same bytes.
func reencoded(f fixture, t *testing.T, parts []string, i int, name string) []hostile {
	t.Helper()
	put := func(s string) string {
		out := append([]string(nil), parts...)
		out[i] = s
		return strings.Join(out, ".")
	}
	part, bad := parts[i], fault(auth.FaultSignature)
	padded := part + strings.Repeat("=", (4-len(part)%4)%4)
	rows := []hostile{
		{name + "/LF", put(part[:8] + "\n\n\n\n" + part[8:]), bad},
		{name + "/CR", put(part[:8] + "\r\r\r\r" + part[8:]), bad},
		{name + "/CRLFAtTheEnd", put(part + "\r\n\r\n"), bad},
		{name + "/LFInFront", put("\n\n\n\n" + part), bad},
	}
	if padded != part {
		want := bad
		if i == 2 { // the legacy service named the place
			want = corrupt(int64(len(part)))
		}
		rows = append(rows, hostile{name + "/Padding", put(padded), want})
	}
	if i == 2 {
		return rows
	}
	// The same again, with a signature of the changed segments.
	for _, other := range []string{part[:8] + "\n\n\n\n" + part[8:], part + "\r\n\r\n"} {
		resigned := append([]string(nil), parts...)
		resigned[i] = other
		rows = append(rows, hostile{name + "/Signed", signSegments(t, f.refresh, resigned[0], resigned[1]), bad})
	}
	return rows
}

// A segment whose unused bits are set is refused, although its signature is valid.
func TestCodec_Verify_unusedBits(t *testing.T) {
	f := newFixture(t)
	claims := goodClaims
	for len(claims)%3 != 2 { // two unused bits
		claims += " "
	}
	part := segment(claims)
	tok := signSegments(t, f.refresh, segment(plainHeader), part)
	if _, err := f.codec.Verify(auth.UseRefresh, tok, issuedAt); err != nil {
		t.Fatalf("the canonical encoding: %+v", failure(t, err))
	}
	altered := part[:len(part)-1] + string(part[len(part)-1]+1)
	tok = signSegments(t, f.refresh, segment(plainHeader), altered)
	_, err := f.codec.Verify(auth.UseRefresh, tok, issuedAt)
	if got := failure(t, err); got != fault(auth.FaultSignature) {
		t.Errorf("%+v, want a signature fault", got)
	}
}
