package token

import (
	"errors"
	"time"

	"rekey/internal/auth"
)

// None is for a process that has no keys: it mints and verifies nothing.
type None struct{}

var _ auth.Tokens = None{}

var errNoKeys = errors.New("this process has no keys")

// Mint fails.
func (None) Mint(auth.TokenUse, auth.Claims) (string, error) { return "", errNoKeys }

// Verify fails, under auth.CodeUnavailable.
func (None) Verify(auth.TokenUse, string, time.Time) (auth.Claims, error) {
	return auth.Claims{}, auth.Unavailable(errNoKeys)
}

// VerifyExpired fails as Verify does.
func (None) VerifyExpired(auth.TokenUse, string, time.Time) (auth.Claims, error) {
	return auth.Claims{}, auth.Unavailable(errNoKeys)
}
