package token

import (
	"encoding/json"
	"errors"
	"math/big"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rekey/internal/auth"
)

// claims is the JSON of a token's second segment. The order of the fields is
// that of the legacy service. A new claim needs a field here, and a line each in
// newClaims and value.
type claims struct {
	User      userClaim   `json:"user"`
	ExpiresAt numericDate `json:"exp"`
	IssuedAt  numericDate `json:"iat"`
	NotBefore numericDate `json:"nbf"`

	// Only set if an issuer is configured.
	Issuer   string   `json:"iss,omitempty"`
	Subject  string   `json:"sub,omitempty"`
	Audience audience `json:"aud,omitempty"`
	ID       string   `json:"jti,omitempty"`

	// Only in access tokens of RFC 9068. They are not read, so any value is valid.
	ClientID json.RawMessage `json:"client_id,omitempty"`
	Scope    json.RawMessage `json:"scope,omitempty"`

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

// newClaims returns the JSON form of c, with the user's times in a zone.
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

// value returns the core's form, with times in UTC.
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

// addMemberNames adds the JSON names of a struct's fields, nested ones included.
func addMemberNames(names map[string]bool, t reflect.Type) {
	if t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct {
		return
	}
	for field := range t.Fields() {
		name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
		if name != "" && name != "-" {
			names[name] = true
			addMemberNames(names, field.Type)
		}
	}
}

// stamp is one of the user's times.
type stamp struct{ time.Time }

// MarshalJSON writes the time as RFC 3339 with microseconds in the zone that it
// carries. RFC 3339 has the years 0 to 9999.
func (s stamp) MarshalJSON() ([]byte, error) {
	if year := s.Year(); year < 0 || year > 9999 {
		return nil, errors.New("a time of the user is out of range")
	}
	return s.AppendFormat(nil, `"2006-01-02T15:04:05.000000Z07:00"`), nil
}

// UnmarshalJSON reads any RFC 3339 time; null leaves the time zero. Its error
// does not repeat the value, because an unverified token may contain anything.
func (s *stamp) UnmarshalJSON(data []byte) error {
	if t, err := time.Parse(time.RFC3339Nano, strings.Trim(string(data), `"`)); err == nil {
		s.Time = t
		return nil
	}
	var text *string // may have escapes
	err := json.Unmarshal(data, &text)
	if err != nil || text == nil {
		return err
	}
	if s.Time, err = time.Parse(time.RFC3339Nano, *text); err != nil {
		return errors.New("a time of the user is not RFC 3339")
	}
	return nil
}

// audience is one name or a list of names (RFC 7519 section 4.1.3).
type audience []string

// MarshalJSON writes a single name as a string.
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
		return &json.UnmarshalTypeError{Value: kindOf(data), Type: reflect.TypeFor[string]()}
	}
	*a = audience{one}
	return nil
}

const (
	maxSeconds   = 253402300799 // the last second of the year 9999
	maxDateBytes = 32           // longer numbers are out of range
)

// numericDate is a NumericDate (RFC 7519 section 2): seconds since 1970. One
// that is out of range is not usable; this is checked after the signature.
type numericDate struct {
	seconds  int64 // rounded down
	fraction bool  // whether seconds was rounded
	present  bool
	usable   bool
}

func dateOf(seconds int64) numericDate {
	return numericDate{seconds: seconds, present: true, usable: seconds >= 0 && seconds <= maxSeconds}
}

// ceil returns the seconds rounded up: a fraction must not extend validity.
func (d numericDate) ceil() int64 {
	if d.fraction {
		return d.seconds + 1
	}
	return d.seconds
}

// MarshalJSON writes an integer.
func (d numericDate) MarshalJSON() ([]byte, error) {
	return strconv.AppendInt(nil, d.seconds, 10), nil
}

// UnmarshalJSON reads a number; null counts as missing. For anything else it
// returns the error of encoding/json for an integer field.
func (d *numericDate) UnmarshalJSON(data []byte) error {
	*d = numericDate{}
	switch kind := kindOf(data); kind {
	case "null":
	case "number":
		*d = readDate(string(data))
	default:
		return &json.UnmarshalTypeError{Value: kind, Type: reflect.TypeFor[int64]()}
	}
	return nil
}

// readDate reads a number exactly. For a number with a fraction or an exponent
// it checks the range in floating point first, which bounds the exponent.
func readDate(text string) numericDate {
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		return dateOf(seconds)
	}
	approx, err := strconv.ParseFloat(text, 64)
	if len(text) > maxDateBytes || err != nil || approx < 1 || approx > maxSeconds {
		return numericDate{present: true}
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return numericDate{present: true}
	}
	d := dateOf(new(big.Int).Quo(exact.Num(), exact.Denom()).Int64())
	d.fraction = !exact.IsInt()
	return d
}

// kindOf returns the name that encoding/json's errors use for the kind of a
// JSON value.
func kindOf(data []byte) string {
	switch data[0] {
	case '"':
		return "string"
	case '{':
		return "object"
	case '[':
		return "array"
	case 't', 'f':
		return "bool"
	case 'n':
		return "null"
	}
	return "number"
}
