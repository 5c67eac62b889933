package token

import (
	"encoding/base64"
	"fmt"

	"rekey/internal/auth"
)

// headerSegment is the first segment of tokens signed by the key named kid.
// The legacy service had alg and typ, in this order.
func headerSegment(kid string) string {
	return base64.RawURLEncoding.EncodeToString(
		fmt.Appendf(nil, `{"alg":%q,"typ":"JWT","kid":%q}`, algorithm, kid))
}

// Mint signs claims for a use. The same claims and key give the same bytes.
// The user's times are cut to microseconds. It fails on claims that Verify
// would not take: times that cannot be spelt, or a token over [auth.MaxTokenBytes].
func (c *Codec) Mint(use auth.TokenUse, in auth.Claims) (string, error) {
	ring, err := c.ring(use)
	if err != nil {
		return "", fmt.Errorf("minting: %w", err)
	}
	content := newClaims(in, c.location)
	c.issuer.sign(use, &content)
	if !content.ExpiresAt.usable || !content.IssuedAt.usable || !content.NotBefore.usable {
		return "", fmt.Errorf("minting %s token: iat or exp is out of range", use)
	}
	s := c.scratches.get()
	defer c.scratches.put(s)
	payload, err := content.spell(s.text[:0])
	if err != nil {
		return "", fmt.Errorf("minting %s token: %w", use, err)
	}
	encoding := base64.RawURLEncoding
	token := encoding.AppendEncode(append(append(s.token[:0], ring.header...), '.'), payload)
	sig, err := sign(token, ring.signing)
	if err != nil {
		return "", fmt.Errorf("minting %s token: %w", use, err)
	}
	token = encoding.AppendEncode(append(token, '.'), sig)
	if len(token) > auth.MaxTokenBytes {
		return "", fmt.Errorf("minting %s token: %d bytes are too long", use, len(token))
	}
	return string(token), nil
}
