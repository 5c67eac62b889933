package app

import (
	"crypto/elliptic"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"maps"
	"math/big"
	"strings"

	"rekey/internal/auth"
)

// forged is a hostile token and the reason with which every transport refuses
// it.
type forged struct {
	token  string
	reason auth.Reason
}

// hostileForms returns the tokens that every transport must refuse, by name.
func (f forge) hostileForms() map[string]forged {
	all := map[string]forged{}
	for family, forms := range map[string]map[string]string{
		"form": f.badForm(), "spelling": f.badSpelling(), "alg": f.badAlgorithm(), "header": f.badHeader(),
		"key": f.badKey(), "signature": f.badSignature(), "claims": f.badClaims(), "dates": f.badDates(),
	} {
		for name, token := range forms {
			all[family+"/"+name] = forged{token, auth.ReasonTokenInvalid}
		}
	}
	all["form/empty"] = forged{"", auth.ReasonTokenMissing}
	maps.Copy(all, f.expired())
	maps.Copy(all, f.strangers())
	return all
}

func (f forge) badForm() map[string]string {
	h, c, s := f.part(0), f.part(1), f.part(2)
	forms := map[string]string{
		"one segment": h, "two segments": h + "." + c, "four segments": f.good + "." + s, "five segments, as in JWE": f.good + "." + s + "." + s,
		"trailing dot": f.good + ".", "leading dot": "." + f.good, "dots": strings.Repeat(".", 4096), "two dots": "..",
		"thirty thousand dots": strings.Repeat(".", 30_000), "too long": f.good + strings.Repeat("A", auth.MaxTokenBytes),
		"space before": " " + f.good, "space after": f.good + " ", "tab after": f.good + "\t", "quoted": `"` + f.good + `"`,
		"scheme twice": "Bearer " + f.good, "twice": f.good + ", " + f.good, "NUL": f.good + "\x00",
		"JSON serialization": `{"protected":"` + h + `","payload":"` + c + `","signature":"` + s + `"}`,
		"upper case":         strings.ToUpper(f.good), "lower case": strings.ToLower(f.good), "URL-encoded dots": strings.ReplaceAll(f.good, ".", "%2E"),
		"full-width dots": strings.ReplaceAll(f.good, ".", "．"), "header empty": "." + c + "." + s, "claims empty": h + ".." + s,
		"signature empty": h + "." + c + ".", "garbage": "!.!.!", "reversed": s + "." + c + "." + h, "claims twice": c + "." + c + "." + s,
	}
	return forms
}

// badSpelling returns other encodings of the bytes of the valid token, or nearly
// so.
func (f forge) badSpelling() map[string]string {
	forms := map[string]string{}
	for i, name := range []string{"header", "claims", "signature"} {
		part := f.part(i)
		forms[name+" padded"] = f.put(i, part+strings.Repeat("=", 1+(3-len(part)%4)))
		for what, s := range map[string]string{"LF": "\n", "CR": "\r", "CRLF": "\r\n", "space": " "} {
			forms[name+" with "+what+" inside"] = f.put(i, part[:8]+s+part[8:])
			forms[name+" with "+what+" at the end"] = f.put(i, part+s)
		}
	}
	forms["header resigned with LF"] = f.signSegments(f.own, f.part(0)[:8]+"\n\n\n\n"+f.part(0)[8:], f.part(1))
	forms["claims resigned with CRLF"] = f.signSegments(f.own, f.part(0), f.part(1)+"\r\n\r\n")
	forms["claims resigned with padding"] = f.signSegments(f.own, f.part(0), f.part(1)+"=")
	standard := base64.RawStdEncoding.EncodeToString([]byte(strings.TrimSuffix(f.claims, "}") + `,"x":"\u00ff?>~~~"}`))
	forms["claims resigned in the standard alphabet"] = f.signSegments(f.own, f.part(0), standard+"+/")
	// 64 bytes leave four unused bits in the last character, which allows 15
	// other spellings.
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, f.good[len(f.good)-1])
	for bits := 1; bits < 16; bits++ {
		forms[fmt.Sprintf("unused bits %04b", bits)] = f.good[:len(f.good)-1] + alphabet[last+bits:last+bits+1]
	}
	return forms
}

func (f forge) badAlgorithm() map[string]string {
	forms := map[string]string{
		"HS256 by the public PEM":   f.hmacOf("HS256", sha256.New, f.publicPEM()),
		"HS256 by the public DER":   f.hmacOf("HS256", sha256.New, f.pkix(f.own)),
		"HS256 by the public point": f.hmacOf("HS256", sha256.New, f.point(f.own)),
		"HS256 by x":                f.hmacOf("HS256", sha256.New, f.point(f.own)[1:33]),
		"HS256 by nothing":          f.hmacOf("HS256", sha256.New, nil),
		"HS512 by the public PEM":   f.hmacOf("HS512", sha512.New, f.publicPEM()),
		"ES384 by our key":          f.es384(),
		"missing":                   f.under(`{"typ":"JWT"}`),
		"in the wrong case":         f.under(`{"ALG":"ES256","typ":"JWT"}`),
		"twice, none last":          f.under(`{"alg":"ES256","alg":"none"}`),
		"twice, none first":         f.under(`{"alg":"none","alg":"ES256"}`),
		"escaped control":           f.under("{\"alg\":\"ES256\\u0000\"}"),
		"endless":                   f.under(`{"alg":"` + strings.Repeat("A", 2000) + `"}`),
		"markup":                    f.under(`{"alg":"<script>alert(1)</script>"}`),
	}
	for _, none := range []string{"none", "None", "NONE", "nOnE", "none "} {
		forms[none+", unsigned"] = segment(`{"alg":"`+none+`","typ":"JWT"}`) + "." + f.part(1) + "."
		forms[none+", signed"] = f.under(`{"alg":"` + none + `","typ":"JWT"}`)
	}
	for _, alg := range []string{"RS256", "PS256", "ES512", "ES256K", "EdDSA", "HS256", "es256", "ES256 ", " ES256", "ES-256", ""} {
		forms[fmt.Sprintf("%q by our key", alg)] = f.under(`{"alg":"` + alg + `","typ":"JWT"}`)
	}
	for _, alg := range []string{`null`, `256`, `true`, `["ES256"]`, `{"alg":"ES256"}`} {
		forms["of another type: "+alg] = f.under(`{"alg":` + alg + `}`)
	}
	return forms
}

func (f forge) badHeader() map[string]string {
	forms := map[string]string{}
	for name, header := range map[string]string{
		"array": `["ES256"]`, "string": `"ES256"`, "null": `null`, "number": `1`, "cut": `{"alg":"ES256"`, "not JSON": `alg=ES256`,
		"data after the end": f.header + "x", "two values": f.header + f.header, "BOM": "\ufeff" + f.header,
		"not UTF-8": plain("\"x\":\"\xff\""), "UTF-16": "{\x00\"\x00}\x00",
		"kid twice": plain(`"kid":"x",` + kid(f.own)), "KID": plain(`"KID":"x"`), "Kelvin kid": plain("\"\u212aid\":\"x\""), "Crit": plain(`"Crit":["x"]`),
		"crit unknown": plain(`"crit":["x"],"x":1`), "crit empty": plain(`"crit":[]`), "crit null": plain(`"crit":null`),
		"crit b64": plain(`"crit":["b64"],"b64":false`), "crit exp": plain(`"crit":["exp"],"exp":1`), "crit a string": plain(`"crit":"x"`),
		"deep and cut": plain(`"x":` + strings.Repeat("[", 2000)),
	} {
		forms[name] = f.under(header)
	}
	return forms
}

func (f forge) badKey() map[string]string {
	forms := map[string]string{
		"stranger's":                      f.sign(f.foreign, plain(""), f.claims),
		"stranger's under our kid":        f.sign(f.foreign, plain(kid(f.own)), f.claims),
		"stranger's under its own kid":    f.sign(f.foreign, plain(kid(f.foreign)), f.claims),
		"stranger's in jwk":               f.sign(f.foreign, plain(f.jwk(f.foreign)), f.claims),
		"stranger's in jwk and kid":       f.sign(f.foreign, plain(f.jwk(f.foreign)+","+kid(f.own)), f.claims),
		"stranger's by jku":               f.sign(f.foreign, plain(`"jku":"http://127.0.0.1:1/jwks.json"`), f.claims),
		"stranger's by x5u":               f.sign(f.foreign, plain(`"x5u":"http://127.0.0.1:1/cert.pem"`), f.claims),
		"stranger's in x5c":               f.sign(f.foreign, plain(`"x5c":["`+base64.StdEncoding.EncodeToString(f.pkix(f.foreign))+`"]`), f.claims),
		"stranger's by x5t":               f.sign(f.foreign, plain(`"x5t":"AAAA"`), f.claims),
		"of the other use":                f.sign(f.other, plain(""), f.claims),
		"of the other use, its kid":       f.sign(f.other, plain(kid(f.other)), f.claims),
		"of the other use under our kid":  f.sign(f.other, plain(kid(f.own)), f.claims),
		"our signature, kid of the other": f.under(plain(kid(f.other))),
	}
	for _, value := range []string{
		`"../../../../dev/null"`, `"/proc/self/environ"`, `"' OR 1=1 --"`, `"https://attacker.example/key"`, `"x\u0000"`, `"|id"`, `""`,
		`null`, `0`, `true`, `["x"]`, `{"kid":"x"}`, `"` + strings.Repeat("k", 2000) + `"`,
	} {
		forms["kid "+value[:min(len(value), 24)]] = f.under(plain(`"kid":` + value))
	}
	return forms
}

func (f forge) badSignature() map[string]string {
	n := elliptic.P256().Params().N
	r, s := new(big.Int).SetBytes(f.signature[:32]), new(big.Int).SetBytes(f.signature[32:])
	pair := func(r, s *big.Int) string {
		return f.put(2, segment(string(append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...))))
	}
	raw := func(b []byte) string { return f.put(2, segment(string(b))) }
	der, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
	if err != nil {
		f.tb.Fatal(err)
	}
	flipped := append([]byte(nil), f.signature...)
	flipped[40] ^= 1
	zero, most := new(big.Int), new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 256), big.NewInt(1))
	forms := map[string]string{
		"zero": raw(make([]byte, 64)), "r zero": pair(zero, s), "s zero": pair(r, zero), "r of the order": pair(n, s), "s of the order": pair(r, n),
		"both of the order": pair(n, n), "all ones": pair(most, most), "ones": pair(big.NewInt(1), big.NewInt(1)), "swapped": pair(s, r),
		"mirrored r": pair(new(big.Int).Sub(n, r), s), "both mirrored": pair(new(big.Int).Sub(n, r), new(big.Int).Sub(n, s)),
		"one bit": raw(flipped), "DER": raw(der), "cut": raw(f.signature[:63]), "half": raw(f.signature[:32]), "one byte": raw(f.signature[:1]),
		"one byte more": raw(append(append([]byte(nil), f.signature...), 0)), "a zero byte before": raw(append([]byte{0}, f.signature...)),
		"of ES512's length": raw(make([]byte, 132)), "hex": f.put(2, fmt.Sprintf("%x", f.signature)),
		"of other claims": f.put(1, segment(f.replaced("exp", "4000000000"))), "of another header": f.put(0, segment(plain(""))),
	}
	return forms
}

func (f forge) badClaims() map[string]string {
	forms := map[string]string{}
	for name, claims := range map[string]string{
		"null": "null", "array": "[]", "string": `"x"`, "number": "1", "nothing": "{}", "cut": f.claims[:len(f.claims)-1], "not JSON": "exp=1",
		"BOM": "\ufeff" + f.claims, "two values": f.claims + "{}", "garbage after the end": f.claims + "x", "UTF-16": "{\x00\"\x00}\x00",
		"user a string": `{"user":"x","exp":4000000000,"iat":1}`, "user an array": `{"user":[],"exp":4000000000,"iat":1}`,
		"user id a number": `{"user":{"id":7},"exp":4000000000,"iat":1}`, "auth a string": `{"user":{"auth":"x"},"exp":4000000000,"iat":1}`,
		"secret an array": `{"user":{"auth":{"id":"x","token":[]}},"exp":4000000000,"iat":1}`,
		"time garbage":    `{"user":{"created_at":"yesterday"},"exp":4000000000,"iat":1}`,
	} {
		forms[name] = f.claiming(claims)
	}
	for name, members := range map[string]string{
		"exp twice": `"exp":4000000000`, "exp twice, escaped": `"\u0065xp":4000000000`, "EXP beside": `"EXP":4000000000`, "Exp beside": `"Exp":1`,
		"user twice": `"user":{}`, "USER beside": `"USER":{}`, "uſer beside": `"u` + "\u017f" + `er":{}`, "IAT beside": `"IAT":1`,
		"twice within": `"x":[{"y":1,"y":2}]`, "not UTF-8": "\"x\":\"\xc3\x28\"",
	} {
		forms[name] = f.added(members)
	}
	return forms
}

func (f forge) badDates() map[string]string {
	forms := map[string]string{
		"no exp":         f.claiming(strings.Replace(f.claims, `"exp":`, `"xexp":`, 1)),
		"no iat":         f.claiming(strings.Replace(f.claims, `"iat":`, `"xiat":`, 1)),
		"iat far ahead":  f.claim("iat", "3999999999"),
		"nbf far ahead":  f.claim("nbf", "3999999999"),
		"iat a string":   f.claim("iat", `"1"`),
		"nbf a boolean":  f.claim("nbf", "false"),
		"iat before all": f.claim("iat", "-1"),
		"iat huge":       f.claim("iat", "1e20"),
	}
	for _, exp := range []string{
		`null`, `"4000000000"`, `""`, `[4000000000]`, `{}`, `true`, `NaN`, `Infinity`, `0xEE6B2800`, `04000000000`, `+4000000000`, `4e`, `-1`, `-0.5`,
		`1e300`, `-1e300`, `1e999`, `1e999999999`, `4e-999999999`, `9223372036854775807`, `9223372036854775808`, `18446744073709551616`,
		`253402300800`, `4000000000.` + strings.Repeat("0", 400),
	} {
		forms["exp "+exp[:min(len(exp), 24)]] = f.claim("exp", exp)
	}
	return forms
}

func (f forge) expired() map[string]forged {
	forms := map[string]forged{}
	for _, exp := range []string{"0", "1", "1000000000", "1000000000.9"} {
		forms["dates/exp "+exp] = forged{f.claim("exp", exp), auth.ReasonTokenExpired}
	}
	return forms
}

// strangers returns tokens with a valid signature that belong to no session of
// their user.
func (f forge) strangers() map[string]forged {
	forms := map[string]forged{}
	_, rest, _ := strings.Cut(f.claims, `"auth":{"id":"`)
	id, _, _ := strings.Cut(rest, `"`)
	user := strings.SplitN(f.claims, `"`, 7)[5] // {"user":{"id":"...
	for name, claims := range map[string]string{
		"no auth":              strings.Replace(f.claims, `"auth":`, `"xauth":`, 1),
		"auth null":            strings.Replace(f.claims, `"auth":`, `"auth":null,"xauth":`, 1),
		"no session":           strings.Replace(f.claims, id, "", 1),
		"unknown session":      strings.Replace(f.claims, id, "0196f0a4-7d3e-7a51-8b1f-3f0f6c1f2a02", 1),
		"session in capitals":  strings.Replace(f.claims, id, strings.ToUpper(id), 1),
		"session in braces":    strings.Replace(f.claims, id, "{"+id+"}", 1),
		"session without dash": strings.Replace(f.claims, id, strings.ReplaceAll(id, "-", ""), 1),
		"session SQL":          strings.Replace(f.claims, id, "' OR '1'='1", 1),
		"session NUL":          strings.Replace(f.claims, id, `\u0000`, 1),
		"another user":         strings.Replace(f.claims, user, "0196f0a4-7d3e-7a51-8b1f-3f0f6c1f2a01", 1),
		"no user":              strings.Replace(f.claims, user, "", 1),
	} {
		forms["session/"+name] = forged{f.claiming(claims), auth.ReasonSessionUnknown}
	}
	return forms
}

// ownSpellings returns other tokens that the service's own key has signed for
// the same session and secret. They count as the same token, however they are
// encoded.
func (f forge) ownSpellings() map[string]string {
	n := elliptic.P256().Params().N
	s := new(big.Int).Sub(n, new(big.Int).SetBytes(f.signature[32:]))
	return map[string]string{
		"mirrored s":             f.put(2, segment(string(append(append([]byte(nil), f.signature[:32]...), s.FillBytes(make([]byte, 32))...)))),
		"signed again":           f.under(f.header),
		"without kid":            f.under(plain("")),
		"a stranger's jwk":       f.member(f.own, f.jwk(f.foreign)),
		"jku":                    f.member(f.own, `"jku":"http://127.0.0.1:1/jwks.json"`),
		"x5c":                    f.member(f.own, `"x5c":["AAAA"]`),
		"zip":                    f.member(f.own, `"zip":"DEF"`),
		"another typ":            f.under(`{"alg":"ES256","typ":"at+jwt"}`),
		"exp with a fraction":    f.claim("exp", "4000000000.5"),
		"spaces":                 f.claiming(" " + strings.Replace(f.claims, ",", " ,\n", 1) + " "),
		"an unknown member":      f.added(`"scope":["admin"]`),
		"an unknown member deep": f.added(`"x":` + strings.Repeat("[", 2000) + strings.Repeat("]", 2000)),
	}
}
