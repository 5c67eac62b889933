package verify

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode/utf8"
)

// memberNames are the names that have a meaning in the claims, and headerNames
// those in the header.
var (
	memberNames = setOf("user", "id", "name", "email", "email_verified_at", "created_at", "updated_at", "auth", "token",
		"exp", "iat", "nbf", "iss", "sub", "aud", "jti", "client_id", "scope")
	headerNames = setOf("alg", "typ", "kid", "crit", "cty", "b64", "jwk", "jku", "x5u", "x5c", "x5t")
)

func setOf(names ...string) map[string]bool {
	set := map[string]bool{}
	for _, name := range names {
		set[name] = true
	}
	return set
}

// checkContent refuses what encoding/json accepts but rekey never writes, and
// refuses itself: parsers of other languages may read it differently.
func checkContent(token string) error {
	header, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	return errors.Join(checkSegment(header, headerNames), checkSegment(payload, memberNames))
}

// checkSegment requires valid UTF-8 and one JSON object whose members are unique
// and have the exact case (RFC 7515 section 4, RFC 7519 section 4).
func checkSegment(segment string, names map[string]bool) error {
	data, err := base64.RawURLEncoding.DecodeString(segment)
	if err != nil {
		return err
	}
	if !utf8.Valid(data) {
		return errors.New("it is not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := checkValue(d, names); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("it has data after the end")
	}
	return nil
}

// checkValue reads one value. The token's length bounds the depth.
func checkValue(d *json.Decoder, names map[string]bool) error {
	opening, err := d.Token()
	if err != nil || opening != json.Delim('{') && opening != json.Delim('[') {
		return err
	}
	seen := map[string]bool{}
	for d.More() {
		if opening == json.Delim('{') {
			t, err := d.Token()
			if err != nil {
				return err
			}
			name, _ := t.(string)
			if seen[name] {
				return errors.New("a member is duplicated")
			}
			seen[name] = true
			if !names[name] && names[fold(name)] {
				return errors.New("a member is in the wrong case")
			}
		}
		if err := checkValue(d, names); err != nil {
			return err
		}
	}
	_, err = d.Token() // the closing one
	return err
}

// fold lowers a name as encoding/json does when it matches fields: besides
// ASCII, a long s is an s and a Kelvin sign is a k.
func fold(name string) string {
	return strings.ToLower(strings.ReplaceAll(name, "\u017f", "s"))
}
