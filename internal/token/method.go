package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/asn1"
	"fmt"
	"math/big"

	"github.com/golang-jwt/jwt/v5"
)

const (
	algorithm = "ES256"
	scalarLen = 32 // bytes of r and of s
)

// deterministicES256 is ES256 with the nonce of RFC 6979, so that minting the
// same claims twice gives the same bytes. It is not registered with the
// library: verifying needs nothing of it.
type deterministicES256 struct{}

var _ jwt.SigningMethod = deterministicES256{}

// Alg returns the name in the header (RFC 7518 section 3.1).
func (deterministicES256) Alg() string { return algorithm }

// Verify is the library's own.
func (deterministicES256) Verify(signed string, sig []byte, key any) error {
	return jwt.SigningMethodES256.Verify(signed, sig, key)
}

// Sign returns r and s, 32 bytes each. The key is an *ecdsa.PrivateKey.
func (deterministicES256) Sign(signed string, key any) ([]byte, error) {
	private, ok := key.(*ecdsa.PrivateKey)
	if !ok {
		return nil, jwt.ErrInvalidKeyType
	}
	digest := sha256.Sum256([]byte(signed))
	// No source of randomness: crypto/ecdsa then follows RFC 6979.
	der, err := private.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return rawSignature(der)
}

// rawSignature turns the ASN.1 form into that of RFC 7518 section 3.4.
func rawSignature(der []byte) ([]byte, error) {
	var sig struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &sig); err != nil {
		return nil, fmt.Errorf("reading the signature made: %w", err)
	}
	raw := make([]byte, 2*scalarLen)
	sig.R.FillBytes(raw[:scalarLen])
	sig.S.FillBytes(raw[scalarLen:])
	return raw, nil
}
