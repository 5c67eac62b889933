package compat

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
)

// The claims as the contract has them, in its order. Tests alter them before
// they sign.
type (
	tokenClaims struct {
		User      tokenUser `json:"user"`
		ExpiresAt any       `json:"exp,omitempty"`
		IssuedAt  any       `json:"iat,omitempty"`
		NotBefore any       `json:"nbf,omitempty"`
	}
	tokenUser struct {
		ID              string     `json:"id"`
		Name            string     `json:"name"`
		Email           string     `json:"email"`
		EmailVerifiedAt *time.Time `json:"email_verified_at"`
		CreatedAt       time.Time  `json:"created_at"`
		UpdatedAt       time.Time  `json:"updated_at"`
		Auth            any        `json:"auth,omitempty"`
	}
	tokenAuth struct {
		ID    string `json:"id,omitempty"`
		Token string `json:"token,omitempty"`
	}
)

const headerES256 = `{"alg":"ES256","typ":"JWT"}`

func newKey(t testing.TB) *ecdsa.PrivateKey {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return key
}

// signToken signs a token of whatever header and claims, JSON or not. It knows
// nothing of the code under test.
func signToken(t testing.TB, key *ecdsa.PrivateKey, header, claims string) string {
	t.Helper()
	input := b64(header) + "." + b64(claims)
	sum := sha256.Sum256([]byte(input))
	r, s, err := ecdsa.Sign(rand.Reader, key, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return input + "." + b64(string(signature))
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func toJSON(t testing.TB, v any) string {
	t.Helper()
	raw, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

// claimsFor are the claims of a token of a session, issued at iat for life.
func claimsFor(u auth.User, sessionID, secret string, iat time.Time, life time.Duration) tokenClaims {
	return tokenClaims{
		User: tokenUser{
			ID: u.ID, Name: u.Name, Email: u.Email, CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
			Auth: tokenAuth{ID: sessionID, Token: secret},
		},
		ExpiresAt: iat.Add(life).Unix(),
		IssuedAt:  iat.Unix(),
		NotBefore: iat.Unix() - 1,
	}
}

// segments splits a token; joined puts one segment in another's place.
func segments(token string) []string { return strings.Split(token, ".") }

func withSegment(token string, i int, segment string) string {
	s := segments(token)
	s[i] = segment
	return strings.Join(s, ".")
}

// claimsOf returns the claims of a token as they are spelt.
func claimsOf(t *testing.T, token string) []byte {
	t.Helper()
	raw, err := rawSegment(token, 1)
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func rawSegment(token string, i int) ([]byte, error) {
	s := segments(token)
	if len(s) != 3 {
		return nil, fmt.Errorf("token has %d segments", len(s))
	}
	return base64.RawURLEncoding.DecodeString(s[i])
}
