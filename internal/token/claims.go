package token

import (
	"encoding/json"
	"errors"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rekey/internal/auth"
)

// claims is the JSON of a token's second segment. The order of the fields is
// that of the legacy service.
type claims struct {
	User      userClaim   `json:"user"`
	ExpiresAt numericDate `json:"exp"`
	IssuedAt  numericDate `json:"iat"`
	NotBefore numericDate `json:"nbf"`

	// With an issuer only.
	Issuer   string   `json:"iss,omitempty"`
	Subject  string   `json:"sub,omitempty"`
	Audience audience `json:"aud,omitempty"`
	ID       string   `json:"jti,omitempty"`

	// Only for the library's interface; its own validation is off.
	jwt.RegisteredClaims `json:"-"`
}

type userClaim struct {
	ID              string     `json:"id"`
	Name            string     `json:"name"`
	Email           string     `json:"email"`
	EmailVerifiedAt *stamp     `json:"email_verified_at"`
	CreatedAt       stamp      `json:"created_at"`
	UpdatedAt       stamp      `json:"updated_at"`
	Auth            *authClaim `json:"auth,omitempty"`
}

type authClaim struct {
	ID    string `json:"id"`
	Token string `json:"token"`
}

// newClaims is the JSON form of c, with the user's times in a zone.
func newClaims(c auth.Claims, zone *time.Location) claims {
	user := userClaim{
		ID:        c.User.ID,
		Name:      c.User.Name,
		Email:     c.User.Email,
		CreatedAt: stamp{c.User.CreatedAt.In(zone)},
		UpdatedAt: stamp{c.User.UpdatedAt.In(zone)},
	}
	if at := c.User.EmailVerifiedAt; at != nil {
		user.EmailVerifiedAt = &stamp{at.In(zone)}
	}
	if c.SessionID != "" || c.Secret != "" {
		user.Auth = &authClaim{ID: c.SessionID, Token: c.Secret}
	}
	return claims{
		User:      user,
		ExpiresAt: dateOf(c.ExpiresAt.Unix()),
		IssuedAt:  dateOf(c.IssuedAt.Unix()),
		NotBefore: dateOf(c.IssuedAt.Unix() - 1),
	}
}

// value is the core's form. Times are in UTC.
func (c *claims) value() auth.Claims {
	v := auth.Claims{
		User: auth.ClaimsUser{
			ID:        c.User.ID,
			Name:      c.User.Name,
			Email:     c.User.Email,
			CreatedAt: c.User.CreatedAt.UTC(),
			UpdatedAt: c.User.UpdatedAt.UTC(),
		},
		IssuedAt:  time.Unix(c.IssuedAt.seconds, 0).UTC(),
		ExpiresAt: time.Unix(c.ExpiresAt.seconds, 0).UTC(),
		Issuer:    c.Issuer,
		Audience:  c.Audience,
		TokenID:   c.ID,
	}
	if at := c.User.EmailVerifiedAt; at != nil {
		utc := at.UTC()
		v.User.EmailVerifiedAt = &utc
	}
	if a := c.User.Auth; a != nil {
		v.SessionID, v.Secret = a.ID, a.Token
	}
	return v
}

// stampLayout is RFC 3339 with microseconds, trailing zeros kept.
const stampLayout = "2006-01-02T15:04:05.000000Z07:00"

var errStamp = errors.New("a time of the user is out of range")

// stamp is one of the user's times.
type stamp struct{ time.Time }

// MarshalJSON writes the time in the zone that it carries. RFC 3339 knows the
// years 0 to 9999.
func (s stamp) MarshalJSON() ([]byte, error) {
	if year := s.Year(); year < 0 || year > 9999 {
		return nil, errStamp
	}
	return s.AppendFormat(nil, `"`+stampLayout+`"`), nil
}

// UnmarshalJSON reads any RFC 3339 time; null leaves it zero. Its error does
// not repeat the value, which an unverified token may have filled with anything.
func (s *stamp) UnmarshalJSON(data []byte) error {
	var text *string
	if err := json.Unmarshal(data, &text); err != nil || text == nil {
		return err
	}
	t, err := time.Parse(time.RFC3339Nano, *text)
	if err != nil {
		return errors.New("a time of the user is not RFC 3339")
	}
	s.Time = t
	return nil
}
