package token

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"reflect"
	"slices"

	"rekey/internal/auth"
)

// issuer is what the registered claims of RFC 7519 say of us.
type issuer struct {
	name     string // empty: they are left out
	audience audience
}

func newIssuer(o Options) issuer {
	i := issuer{name: o.Issuer, audience: o.Audience}
	if len(i.audience) == 0 {
		i.audience = audience{o.Issuer}
	}
	return i
}

// sign fills in the claims.
func (i issuer) sign(use auth.TokenUse, c *claims) {
	if i.name == "" {
		return
	}
	c.Issuer, c.Audience, c.Subject, c.ID = i.name, i.audience, c.User.ID, tokenID(use, c.User.Auth)
}

// check refuses what others issued, or issued for others (RFC 8725 sections
// 3.8 and 3.9). A claim that is not there was not known when the token was made.
func (i issuer) check(c *claims) error {
	if i.name == "" {
		return nil
	}
	switch {
	case c.Issuer != "" && c.Issuer != i.name:
		return errors.New("iss is another")
	case c.Audience != nil && !slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(i.audience, a) }):
		return errors.New("aud is another")
	case c.Subject != "" && c.Subject != c.User.ID:
		return errors.New("sub is not the user")
	}
	return nil
}

const tokenIDLen = 16 // bytes

// tokenID is the jti: the same for a pair that is told again, another for each
// generation and use. The secret cannot be told from it.
func tokenID(use auth.TokenUse, a *authClaim) string {
	if a == nil {
		return ""
	}
	sum := sha256.Sum256([]byte("rekey jti\x00" + string(use) + "\x00" + a.ID + "\x00" + a.Token))
	return base64.RawURLEncoding.EncodeToString(sum[:tokenIDLen])
}

// audience is one name, or a list of them (RFC 7519 section 4.1.3).
type audience []string

// MarshalJSON writes one name as a string.
func (a audience) MarshalJSON() ([]byte, error) {
	if len(a) == 1 {
		return json.Marshal(a[0])
	}
	return json.Marshal([]string(a))
}

// UnmarshalJSON reads both forms; null counts as missing.
func (a *audience) UnmarshalJSON(data []byte) error {
	var list []string
	if json.Unmarshal(data, &list) == nil {
		*a = list
		return nil
	}
	var one string
	if json.Unmarshal(data, &one) != nil {
		return &json.UnmarshalTypeError{Value: notNumberOr(data), Type: reflect.TypeFor[string]()}
	}
	*a = audience{one}
	return nil
}

// notNumberOr names the kind of a JSON value.
func notNumberOr(data []byte) string {
	if kind := notNumber(data); kind != "" {
		return kind
	}
	return "number"
}
