package token

import (
	"encoding/json"
	"fmt"
	"strconv"
)

// spell appends the claims as encoding/json writes them, which takes several
// times as long.
func (c *claims) spell(b []byte) ([]byte, error) {
	s := speller{b: b}
	s.text(`{"user":{"id":`).quote(c.User.ID)
	s.text(`,"name":`).quote(c.User.Name)
	s.text(`,"email":`).quote(c.User.Email)
	s.text(`,"email_verified_at":`).stampOrNull(c.User.EmailVerifiedAt)
	s.text(`,"created_at":`).stamp(c.User.CreatedAt)
	s.text(`,"updated_at":`).stamp(c.User.UpdatedAt)
	if a := c.User.Auth; a != nil {
		s.text(`,"auth":{"id":`).quote(a.ID)
		s.text(`,"token":`).quote(a.Token)
		s.text(`}`)
	}
	s.text(`},"exp":`).number(c.ExpiresAt)
	s.text(`,"iat":`).number(c.IssuedAt)
	s.text(`,"nbf":`).number(c.NotBefore)
	s.registered(c)
	s.text(`}`)
	return s.b, s.err
}

// speller appends values. After an error what it has is of no use.
type speller struct {
	b   []byte
	err error
}

func (s *speller) text(t string) *speller {
	s.b = append(s.b, t...)
	return s
}

// registered appends what an issuer adds.
func (s *speller) registered(c *claims) {
	for _, member := range []struct{ name, value string }{{`,"iss":`, c.Issuer}, {`,"sub":`, c.Subject}} {
		if member.value != "" {
			s.text(member.name).quote(member.value)
		}
	}
	if len(c.Audience) > 0 {
		s.text(`,"aud":`).marshal(c.Audience)
	}
	if c.ID != "" {
		s.text(`,"jti":`).quote(c.ID)
	}
}

// quote appends a string; what may need escapes is left to encoding/json.
func (s *speller) quote(value string) {
	if !isPlain(value) {
		s.marshal(value)
		return
	}
	s.b = append(append(append(s.b, '"'), value...), '"')
}

// isPlain reports whether JSON text has these characters as they are.
func isPlain(value string) bool {
	for i := range len(value) {
		switch c := value[i]; {
		case c < ' ', c > '~', c == '"', c == '\\', c == '<', c == '>', c == '&':
			return false
		}
	}
	return true
}

func (s *speller) marshal(value any) {
	text, err := json.Marshal(value)
	s.fail(err)
	s.b = append(s.b, text...)
}

func (s *speller) stamp(at stamp) {
	if year := at.Year(); year < 0 || year > 9999 {
		s.fail(errStamp)
		return
	}
	s.b = at.AppendFormat(s.b, `"`+stampLayout+`"`)
}

func (s *speller) stampOrNull(at *stamp) {
	if at == nil {
		s.text("null")
		return
	}
	s.stamp(*at)
}

func (s *speller) number(d numericDate) { s.b = strconv.AppendInt(s.b, d.seconds, 10) }

func (s *speller) fail(err error) {
	if err != nil && s.err == nil {
		s.err = fmt.Errorf("spelling claims: %w", err)
	}
}
