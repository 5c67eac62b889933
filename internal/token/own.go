package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/golang-jwt/jwt/v5"

	"rekey/internal/auth"
)

// holdOwn reads a token as Mint spells it, byte for byte: nearly all that come.
// Everything else is left to the library; known is false then, and nothing has
// been decided. What such a token says cannot be misread, however this is
// written: its claims, spelt again, must be the very bytes that were signed.
func (r *keyRing) holdOwn(token string, into *claims, s *scratch) (known bool, err error) {
	if len(token) > auth.MaxTokenBytes || strings.ContainsAny(token, "\r\n") {
		return false, nil
	}
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	key, known := r.byHeader[header]
	if !known || len(signature) != base64.RawURLEncoding.EncodedLen(2*scalarLen) {
		return false, nil
	}
	sig, decodeErr := base64.RawURLEncoding.Strict().DecodeString(signature)
	known = decodeErr == nil && readOwn(payload, into, s)
	if !known {
		return false, nil
	}
	signed := token[:len(header)+1+len(payload)]
	if header == r.header && signedBy(r.signing, append(s.token[:0], signed...), sig) {
		return true, nil
	}
	return true, jwt.SigningMethodES256.Verify(signed, sig, key)
}

// signedBy reports whether sig is what the key signs the text with, which
// verifies. Signatures are deterministic, and to sign takes less than half of
// the time that verifying does. One that it did not make so may be good all the
// same. Nobody learns the right one: the two are compared in constant time.
func signedBy(key *ecdsa.PrivateKey, text, sig []byte) bool {
	own, err := sign(text, key)
	return err == nil && subtle.ConstantTimeCompare(own, sig) == 1
}

// readOwn reads a second segment and proves that it is spelt as Mint does.
func readOwn(segment string, into *claims, s *scratch) bool {
	text, err := base64.RawURLEncoding.Strict().AppendDecode(s.text[:0], append(s.token[:0], segment...))
	if err != nil {
		return false
	}
	var c claims
	r := reader{rest: string(text)}
	r.claims(&c)
	if r.failed || r.rest != "" {
		return false
	}
	spelt, err := c.spell(s.token[:0])
	if err != nil || !bytes.Equal(spelt, text) || checkDates(&c) != nil {
		return false
	}
	*into = c
	return true
}

// reader reads what speller wrote.
type reader struct {
	rest   string
	failed bool
}

func (r *reader) claims(c *claims) {
	c.User.ID = r.after(`{"user":{"id":`).quoted()
	c.User.Name = r.after(`,"name":`).quoted()
	c.User.Email = r.after(`,"email":`).quoted()
	r.after(`,"email_verified_at":`)
	if !r.skip("null") {
		at := r.stamp()
		c.User.EmailVerifiedAt = &at
	}
	c.User.CreatedAt = r.after(`,"created_at":`).stamp()
	c.User.UpdatedAt = r.after(`,"updated_at":`).stamp()
	if r.skip(`,"auth":{"id":`) {
		c.User.Auth = &authClaim{ID: r.quoted(), Token: r.after(`,"token":`).quoted()}
		r.after(`}`)
	}
	c.ExpiresAt = r.after(`},"exp":`).number()
	c.IssuedAt = r.after(`,"iat":`).number()
	c.NotBefore = r.after(`,"nbf":`).number()
	r.registered(c)
	r.after(`}`)
}

func (r *reader) registered(c *claims) {
	if r.skip(`,"iss":`) {
		c.Issuer = r.quoted()
	}
	if r.skip(`,"sub":`) {
		c.Subject = r.quoted()
	}
	if r.skip(`,"aud":[`) {
		for c.Audience = (audience{r.quoted()}); r.skip(`,`); {
			c.Audience = append(c.Audience, r.quoted())
		}
		r.after(`]`)
	} else if r.skip(`,"aud":`) {
		c.Audience = audience{r.quoted()}
	}
	if r.skip(`,"jti":`) {
		c.ID = r.quoted()
	}
}

// after reads a text that must stand there.
func (r *reader) after(text string) *reader {
	if !r.skip(text) {
		r.failed = true
	}
	return r
}

func (r *reader) skip(text string) bool {
	rest, found := strings.CutPrefix(r.rest, text)
	r.rest = rest
	return found
}

func (r *reader) quoted() (value string) {
	for i := 1; i < len(r.rest) && r.rest[0] == '"'; i++ {
		switch r.rest[i] {
		case '\\':
			i++ // whatever it is
		case '"':
			quoted := r.rest[:i+1]
			r.rest = r.rest[i+1:]
			return r.unquoted(quoted)
		}
	}
	r.failed = true
	return ""
}

func (r *reader) unquoted(quoted string) (value string) {
	if value = quoted[1 : len(quoted)-1]; isPlain(value) {
		return value
	}
	if !utf8.ValidString(quoted) || json.Unmarshal([]byte(quoted), &value) != nil {
		r.failed = true
	}
	return value
}

func (r *reader) stamp() (s stamp) {
	text := r.quoted()
	at, err := time.Parse(stampLayout, text)
	if err != nil {
		r.failed = true
	}
	return stamp{at}
}

func (r *reader) number() numericDate {
	end := 0
	for end < len(r.rest) && r.rest[end] >= '0' && r.rest[end] <= '9' {
		end++
	}
	seconds, err := strconv.ParseInt(r.rest[:end], 10, 64)
	if err != nil {
		r.failed = true
	}
	r.rest = r.rest[end:]
	return dateOf(seconds)
}
