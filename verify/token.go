package verify

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// Claims holds the claims of an access token.
type Claims struct {
	UserID        string
	Name          string
	Email         string
	EmailVerified bool
	SessionID     string
	IssuedAt      time.Time
	ExpiresAt     time.Time
	// These are empty if rekey has no ISSUER.
	Issuer   string
	Audience []string
	TokenID  string
}

const maxTokenBytes = 8 << 10

// Verify returns the claims of a valid access token. Its error wraps ErrInvalid or
// ErrUnavailable, and never contains the token.
func (v *Verifier) Verify(ctx context.Context, token string) (Claims, error) {
	now := v.o.Now()
	parsed, err := v.parse(ctx, token, now)
	if err == nil {
		err = v.checkClaims(parsed, now)
	}
	if err != nil {
		return Claims{}, err
	}
	secret := sha256.Sum256([]byte(parsed.User.Auth.Token))
	complete, refused := v.blacklist.find(parsed.User.Auth.ID, secret, parsed.IssuedAt.time(), now)
	switch {
	case refused:
		return Claims{}, fmt.Errorf("%w: it is blacklisted", ErrInvalid)
	case complete.IsZero() || !now.Before(complete.Add(v.o.MaxStale)):
		if err := v.whenStale(ctx, token); err != nil {
			return Claims{}, err
		}
	}
	return parsed.value(), nil
}

// parse checks form and signature as rekey does: ES256, no crit, canonical
// base64url. It never uses a key in the header.
func (v *Verifier) parse(ctx context.Context, token string, now time.Time) (*tokenClaims, error) {
	if len(token) > maxTokenBytes || strings.ContainsAny(token, "\r\n") {
		return nil, fmt.Errorf("%w: too long, or with line breaks", ErrInvalid)
	}
	parser := jwt.NewParser(jwt.WithValidMethods([]string{"ES256"}), jwt.WithStrictDecoding(), jwt.WithoutClaimsValidation())
	parsed := &tokenClaims{}
	unknown := "" // the id of a key that may have been published since the last fetch
	_, err := parser.ParseWithClaims(token, parsed, func(t *jwt.Token) (keys any, err error) {
		keys, unknown, err = v.candidates(t, now)
		return keys, err
	})
	if err != nil && unknown != "" {
		_, err = parser.ParseWithClaims(token, parsed, func(*jwt.Token) (any, error) { return v.keys.fetchByID(ctx, unknown, now) })
	}
	switch {
	case errors.Is(err, ErrUnavailable):
		return nil, fmt.Errorf("%w: rekey's keys are missing or out of date", ErrUnavailable)
	case err != nil:
		return nil, fmt.Errorf("%w: not signed by rekey", ErrInvalid)
	}
	if err := checkContent(token); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return parsed, nil
}

// candidates returns the known keys that may have signed a token: the key that it
// names, or all keys. A token of a legacy service names no key, or one by an id
// that only that service knows. unknown is an id that this Verifier does not know.
func (v *Verifier) candidates(t *jwt.Token, now time.Time) (keys any, unknown string, err error) {
	if _, present := t.Header["crit"]; present {
		return nil, "", ErrInvalid
	}
	kid, present := t.Header["kid"]
	if !present {
		keys, err = v.keys.all(now)
		return keys, "", err
	}
	id, _ := kid.(string)
	if id == "" {
		return nil, "", ErrInvalid
	}
	if key, _, err := v.keys.find(id, now); err == nil {
		return key, "", nil
	}
	keys, err = v.keys.all(now)
	return keys, id, err
}

// checkClaims checks the claims, times in whole seconds.
func (v *Verifier) checkClaims(c *tokenClaims, now time.Time) error {
	var problem string
	latest := now.Add(v.o.ClockLeeway)
	switch {
	case !c.ExpiresAt.present || !c.IssuedAt.present:
		problem = "a claim is missing"
	case !now.Before(c.ExpiresAt.time()), !now.Before(c.IssuedAt.time().Add(v.o.AccessTTL)):
		problem = "it has expired"
	case c.IssuedAt.end().After(latest), c.NotBefore.present && c.NotBefore.end().After(latest):
		problem = "it is not valid yet"
	case v.o.Issuer != "" && c.Issuer != v.o.Issuer:
		problem = "it has another issuer"
	case v.o.Audience != "" && !slices.Contains(c.Audience, v.o.Audience):
		problem = "it has another audience"
	}
	if problem != "" {
		return fmt.Errorf("%w: %s", ErrInvalid, problem)
	}
	if err := c.checkUser(); err != nil {
		return fmt.Errorf("%w: %w", ErrInvalid, err)
	}
	return nil
}
