package token

import (
	"crypto/ecdsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
)

// jwk is the JSON of a public key (RFC 7517, RFC 7518 section 6.2).
type jwk struct {
	Type      string `json:"kty"`
	Use       string `json:"use"`
	Algorithm string `json:"alg"`
	ID        string `json:"kid"`
	Curve     string `json:"crv"`
	X         string `json:"x"`
	Y         string `json:"y"`
}

// JWKS returns a JWK set of public keys (RFC 7517 section 5), in their order. It
// fails if a key is not valid.
func JWKS(keys []*ecdsa.PublicKey) ([]byte, error) {
	set := struct {
		Keys []jwk `json:"keys"`
	}{Keys: []jwk{}}
	for _, key := range keys {
		if err := checkP256(key); err != nil {
			return nil, fmt.Errorf("JWK set: %w", err)
		}
		x, y := coordinates(key)
		set.Keys = append(set.Keys, jwk{
			Type: "EC", Use: "sig", Algorithm: algorithm, ID: Thumbprint(key), Curve: key.Params().Name, X: x, Y: y,
		})
	}
	return json.Marshal(set)
}

// PublicPEM returns a public key as a PEM file ("PUBLIC KEY").
func PublicPEM(key *ecdsa.PublicKey) ([]byte, error) {
	der, err := x509.MarshalPKIXPublicKey(key)
	if err != nil {
		return nil, fmt.Errorf("encoding a public key: %w", err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}), nil
}

// Thumbprint returns the SHA-256 JWK thumbprint of a key in base64url (RFC 7638),
// which is its kid. It is empty for a key that is not valid.
func Thumbprint(key *ecdsa.PublicKey) string {
	x, y := coordinates(key)
	if x == "" {
		return ""
	}
	sum := sha256.Sum256(fmt.Appendf(nil, `{"crv":%q,"kty":"EC","x":%q,"y":%q}`, key.Params().Name, x, y))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// coordinates returns those of a key, encoded as in a JWK. They are empty for a
// key that is not valid.
func coordinates(key *ecdsa.PublicKey) (x, y string) {
	point, err := key.Bytes() // 0x04, x, y: SEC 1 section 2.3.3
	if err != nil {
		return "", ""
	}
	size := len(point) / 2
	encode := base64.RawURLEncoding.EncodeToString
	return encode(point[1 : 1+size]), encode(point[1+size:])
}
