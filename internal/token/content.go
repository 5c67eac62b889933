package token

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// checkContent checks a token whose signature is valid for what encoding/json
// accepts but Mint and the legacy service never write.
func (c *Codec) checkContent(token string, parsed *claims) error {
	header, rest, _ := strings.Cut(token, ".")
	payload, _, _ := strings.Cut(rest, ".")
	if err := checkSegment(header, isHeaderName); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if err := checkSegment(payload, func(name string) bool { return c.claimNames[name] }); err != nil {
		return fmt.Errorf("claims: %w", err)
	}
	return checkDates(parsed)
}

// checkDates requires exp and iat; nbf may be missing.
func checkDates(in *claims) error {
	switch {
	case !in.ExpiresAt.present:
		return errors.New("exp is missing")
	case !in.ExpiresAt.usable:
		return errors.New("exp is out of range")
	case !in.IssuedAt.present:
		return errors.New("iat is missing")
	case !in.IssuedAt.usable:
		return errors.New("iat is out of range")
	case in.NotBefore.present && !in.NotBefore.usable:
		return errors.New("nbf is out of range")
	}
	return nil
}

// checkSegment requires valid UTF-8 and one JSON value whose members are unique
// and have the exact case (RFC 7515 section 4, RFC 7519 section 4).
func checkSegment(part string, known func(name string) bool) error {
	data, err := base64.RawURLEncoding.DecodeString(part)
	if err != nil {
		return err
	}
	if !utf8.Valid(data) {
		return errors.New("not UTF-8")
	}
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	if err := checkValue(d, known); err != nil {
		return err
	}
	if _, err := d.Token(); err != io.EOF {
		return errors.New("data after the end")
	}
	return nil
}

// checkValue reads one value. The token's length bounds the depth.
func checkValue(d *json.Decoder, known func(name string) bool) error {
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
				return fmt.Errorf("member %q is duplicated", name)
			}
			seen[name] = true
			if !known(name) && known(fold(name)) {
				return fmt.Errorf("member %q is in the wrong case", name)
			}
		}
		if err := checkValue(d, known); err != nil {
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

func isHeaderName(name string) bool {
	switch name {
	case "alg", "typ", "kid", "crit", "cty", "b64", "jwk", "jku", "x5u", "x5c", "x5t":
		return true
	}
	return false
}
