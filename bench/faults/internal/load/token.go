package load

import (
	"crypto/elliptic"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// Claims holds the claims that the bench reads.
type Claims struct {
	SessionID, Secret string
}

var errNoToken = errors.New("not a token")

// ReadClaims reads a token without verifying it.
func ReadClaims(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return Claims{}, errNoToken
	}
	text, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return Claims{}, fmt.Errorf("reading claims: %w", err)
	}
	var claims struct {
		User struct {
			Auth struct{ ID, Token string }
		}
	}
	if err := json.Unmarshal(text, &claims); err != nil {
		return Claims{}, fmt.Errorf("reading claims: %w", err)
	}
	return Claims{SessionID: claims.User.Auth.ID, Secret: claims.User.Auth.Token}, nil
}

const scalar = 32 // bytes of r and of s

// Twin returns a token's other spelling: the signature (r, n-s) is valid if (r,
// s) is. It returns "" if token is not a token.
func Twin(token string) string {
	cut := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[cut+1:])
	if err != nil || len(signature) != 2*scalar {
		return ""
	}
	s := new(big.Int).SetBytes(signature[scalar:])
	s.Sub(elliptic.P256().Params().N, s).FillBytes(signature[scalar:])
	return token[:cut+1] + base64.RawURLEncoding.EncodeToString(signature)
}
