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

// checkContent looks, once the signature holds, at what encoding/json lets
// pass but no token of ours has.
func checkContent(token string, parsed *claims) error {
	parts := strings.Split(token, ".")
	if err := checkSegment(parts[0], isHeaderName); err != nil {
		return fmt.Errorf("header: %w", err)
	}
	if err := checkSegment(parts[1], isClaimName); err != nil {
		return fmt.Errorf("claims: %w", err)
	}
	return checkDates(parsed)
}

// checkDates wants exp and iat; nbf may be missing.
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

// checkSegment wants valid UTF-8 and one JSON value whose members are unique
// and exactly spelt (RFC 7515 section 4, RFC 7519 section 4).
func checkSegment(part string, known func(string) bool) error {
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

// checkValue reads one value. The depth is bounded by the token's length.
func checkValue(d *json.Decoder, known func(string) bool) error {
	t, err := d.Token()
	if err != nil {
		return err
	}
	switch t {
	case json.Delim('{'):
		err = checkObject(d, known)
	case json.Delim('['):
		for err == nil && d.More() {
			err = checkValue(d, known)
		}
	default:
		return nil
	}
	if err == nil {
		_, err = d.Token() // the closing one
	}
	return err
}

func checkObject(d *json.Decoder, known func(string) bool) error {
	seen := make(map[string]struct{}, 8)
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if _, twice := seen[name]; twice {
			return fmt.Errorf("member %q stands twice", name)
		}
		seen[name] = struct{}{}
		if !known(name) && known(fold(name)) {
			return fmt.Errorf("member %q is in the wrong case", name)
		}
		if err := checkValue(d, known); err != nil {
			return err
		}
	}
	return nil
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

func isClaimName(name string) bool {
	switch name {
	case "user", "id", "name", "email", "email_verified_at", "created_at", "updated_at",
		"auth", "token", "exp", "iat", "nbf", "iss", "aud", "sub", "jti":
		return true
	}
	return false
}
