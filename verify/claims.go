package verify

import (
	"encoding/json"
	"errors"
	"math/big"
	"strconv"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// tokenClaims is the JSON of the second segment. memberNames has the names.
type tokenClaims struct {
	User      tokenUser `json:"user"`
	ExpiresAt date      `json:"exp"`
	IssuedAt  date      `json:"iat"`
	NotBefore date      `json:"nbf"`
	Issuer    string    `json:"iss"`
	Subject   string    `json:"sub"`
	Audience  audience  `json:"aud"`
	ID        string    `json:"jti"`

	// Only for the library's interface; its own validation is off.
	jwt.RegisteredClaims `json:"-"`
}

type tokenUser struct {
	ID              string     `json:"id"`
	Name            string     `json:"name"`
	Email           string     `json:"email"`
	EmailVerifiedAt *time.Time `json:"email_verified_at"`
	CreatedAt       time.Time  `json:"created_at"`
	UpdatedAt       time.Time  `json:"updated_at"`
	Auth            struct {
		ID    string `json:"id"`
		Token string `json:"token"`
	} `json:"auth"`
}

func (c *tokenClaims) value() Claims {
	return Claims{
		UserID: c.User.ID, Name: c.User.Name, Email: c.User.Email, EmailVerified: c.User.EmailVerifiedAt != nil,
		SessionID: c.User.Auth.ID, IssuedAt: c.IssuedAt.time(), ExpiresAt: c.ExpiresAt.time(),
		Issuer: c.Issuer, Audience: c.Audience, TokenID: c.ID,
	}
}

// checkUser checks the claims about the user and the session.
func (c *tokenClaims) checkUser() error {
	switch {
	case c.User.ID == "" || c.User.Auth.ID == "" || c.User.Auth.Token == "":
		return errors.New("a claim is missing")
	case c.Subject != "" && c.Subject != c.User.ID:
		return errors.New("sub is not the user")
	case !isID(c.User.Auth.ID):
		return errors.New("the session's id is not one of rekey")
	}
	return nil
}

// isID reports whether text is a UUID as rekey writes it: in lower case, with
// hyphens. Any other spelling would find no rule of the blacklist.
func isID(text string) bool {
	const form = "00000000-0000-0000-0000-000000000000"
	if len(text) != len(form) {
		return false
	}
	for i := range len(form) {
		c := text[i]
		if form[i] == '-' && c != '-' || form[i] == '0' && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return true
}

// audience is one name or a list of names (RFC 7519 section 4.1.3).
type audience []string

// UnmarshalJSON reads both forms; null counts as missing.
func (a *audience) UnmarshalJSON(data []byte) error {
	var list []string
	if json.Unmarshal(data, &list) == nil {
		*a = list
		return nil
	}
	var one string
	if err := json.Unmarshal(data, &one); err != nil {
		return errors.New("aud is not text")
	}
	*a = audience{one}
	return nil
}

const (
	maxSeconds   = 253402300799 // the last second of the year 9999
	maxDateBytes = 32
)

// date is a NumericDate (RFC 7519 section 2). Text is not a date.
type date struct {
	seconds  int64 // rounded down
	fraction bool  // whether seconds was rounded
	present  bool
}

func (d date) time() time.Time { return time.Unix(d.seconds, 0) }

// end returns the time rounded up: a fraction must not extend validity.
func (d date) end() time.Time {
	if d.fraction {
		return d.time().Add(time.Second)
	}
	return d.time()
}

var errDate = errors.New("a time is not a number, or is out of range")

// UnmarshalJSON reads a number exactly; null counts as missing.
func (d *date) UnmarshalJSON(data []byte) error {
	text := string(data)
	if text == "null" {
		*d = date{}
		return nil
	}
	if seconds, err := strconv.ParseInt(text, 10, 64); err == nil {
		if seconds < 0 || seconds > maxSeconds {
			return errDate
		}
		*d = date{seconds: seconds, present: true}
		return nil
	}
	// The range is checked in floating point first, which bounds the exponent.
	approx, err := strconv.ParseFloat(text, 64)
	if len(text) > maxDateBytes || err != nil || approx < 1 || approx > maxSeconds {
		return errDate
	}
	exact, ok := new(big.Rat).SetString(text)
	if !ok {
		return errDate
	}
	*d = date{seconds: new(big.Int).Quo(exact.Num(), exact.Denom()).Int64(), fraction: !exact.IsInt(), present: true}
	return nil
}
