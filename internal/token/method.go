package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	algorithm = "ES256"
	scalarLen = 32 // bytes of r and of s
)

// sign is ES256 with the nonce of RFC 6979, so that minting the same claims
// twice gives the same bytes. It returns r and s, 32 bytes each.
func sign(signed []byte, key *ecdsa.PrivateKey) ([]byte, error) {
	digest := sha256.Sum256(signed)
	// No source of randomness: crypto/ecdsa then follows RFC 6979.
	der, err := key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	return rawSignature(der)
}

var errDER = errors.New("the signature made is not DER")

// rawSignature turns the ASN.1 form into that of RFC 7518 section 3.4.
func rawSignature(der []byte) ([]byte, error) {
	var numbers cryptobyte.String
	var r, s []byte // without leading zeros
	input := cryptobyte.String(der)
	if !input.ReadASN1(&numbers, asn1.SEQUENCE) || !numbers.ReadASN1Integer(&r) || !numbers.ReadASN1Integer(&s) ||
		len(r) > scalarLen || len(s) > scalarLen {
		return nil, errDER
	}
	raw := make([]byte, 2*scalarLen)
	copy(raw[scalarLen-len(r):], r)
	copy(raw[2*scalarLen-len(s):], s)
	return raw, nil
}
