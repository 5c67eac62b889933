package token

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"rekey/internal/auth"
)

const (
	algorithm = "ES256"
	scalarLen = 32 // bytes of r and of s
)

// plainType is the typ of tokens by default, as in the legacy service.
const plainType = "JWT"

// headerSegment returns the first segment of tokens of a typ that the key named
// kid signed. The legacy service had alg and typ, in this order.
func headerSegment(typ, kid string) string {
	return base64.RawURLEncoding.EncodeToString(
		fmt.Appendf(nil, `{"alg":%q,"typ":%q,"kid":%q}`, algorithm, typ, kid))
}

// Mint signs claims for a use. The same claims and key give the same bytes. The
// user's times are truncated to microseconds. Mint fails for claims that Verify
// would refuse: times that are out of range, or a token longer than
// [auth.MaxTokenBytes].
func (c *Codec) Mint(use auth.TokenUse, in auth.Claims) (string, error) {
	ring, err := c.ring(use)
	if err != nil {
		return "", fmt.Errorf("minting: %w", err)
	}
	content := newClaims(in, c.location)
	c.issuer.sign(use, &content)
	if err := checkDates(&content); err != nil {
		return "", fmt.Errorf("minting %s token: %w", use, err)
	}
	payload, err := json.Marshal(&content)
	if err != nil {
		return "", fmt.Errorf("minting %s token: %w", use, err)
	}
	encoding := base64.RawURLEncoding
	buffer := make([]byte, 0, len(ring.header)+encoding.EncodedLen(len(payload))+encoding.EncodedLen(2*scalarLen)+2)
	buffer = encoding.AppendEncode(append(append(buffer, ring.header...), '.'), payload)
	sig, err := sign(buffer, ring.signing)
	if err != nil {
		return "", fmt.Errorf("minting %s token: %w", use, err)
	}
	buffer = encoding.AppendEncode(append(buffer, '.'), sig)
	if len(buffer) > auth.MaxTokenBytes {
		return "", fmt.Errorf("minting %s token: %d bytes are too long", use, len(buffer))
	}
	return string(buffer), nil
}

// sign returns r and s of an ES256 signature, 32 bytes each. The nonce is that
// of RFC 6979, so that minting the same claims twice gives the same bytes.
func sign(signed []byte, key *ecdsa.PrivateKey) ([]byte, error) {
	digest := sha256.Sum256(signed)
	// Without a source of randomness, crypto/ecdsa follows RFC 6979.
	der, err := key.Sign(nil, digest[:], crypto.SHA256)
	if err != nil {
		return nil, fmt.Errorf("signing: %w", err)
	}
	// The signature is ASN.1; RFC 7518 section 3.4 wants the two numbers alone.
	var numbers cryptobyte.String
	var r, s []byte // without leading zeros
	input := cryptobyte.String(der)
	if !input.ReadASN1(&numbers, asn1.SEQUENCE) || !numbers.ReadASN1Integer(&r) || !numbers.ReadASN1Integer(&s) ||
		len(r) > scalarLen || len(s) > scalarLen {
		return nil, errors.New("signing: the signature is not DER")
	}
	raw := make([]byte, 2*scalarLen)
	copy(raw[scalarLen-len(r):], r)
	copy(raw[2*scalarLen-len(s):], s)
	return raw, nil
}
