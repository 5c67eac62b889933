package token

import (
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rekey/internal/auth"
)

// Options are what a Codec is made of.
type Options struct {
	// Access and Refresh must not share a public key: the two uses are told
	// apart by their key alone.
	Access  KeySet
	Refresh KeySet
	// Location is the zone of the user's times in minted claims; nil is UTC.
	Location *time.Location
	// Leeway is how far iat and nbf may be ahead of the clock. exp has none.
	Leeway time.Duration
	// Issuer adds iss, sub, aud and jti to what is minted; empty: none of them.
	// Tokens that name another issuer, or only other audiences, are refused;
	// those that name none are of before.
	Issuer   string
	Audience []string // empty: the issuer
	// Outdated reports whether keys may be missing at now, nil never. A token
	// under an unknown key is then CodeUnavailable: it may be good.
	Outdated func(now time.Time) bool
}

// Codec mints and verifies tokens. It is safe for concurrent use and
// implements [auth.Tokens].
type Codec struct {
	keys      atomic.Pointer[keyRings]
	location  *time.Location
	leeway    time.Duration
	outdated  func(now time.Time) bool
	issuer    issuer
	parser    *jwt.Parser
	scratches scratches
}

var _ auth.Tokens = (*Codec)(nil)

// New returns a Codec. Its error names all problems at once: a key that is
// missing or not on P-256, a public key that stands in both sets, a negative
// leeway.
func New(o Options) (*Codec, error) {
	c := &Codec{location: o.Location, leeway: o.Leeway, outdated: o.Outdated, issuer: newIssuer(o), parser: newParser()}
	if c.location == nil {
		c.location = time.UTC
	}
	if c.outdated == nil {
		c.outdated = func(time.Time) bool { return false }
	}
	if err := errors.Join(c.Replace(o.Access, o.Refresh), checkLeeway(o.Leeway)); err != nil {
		return nil, err
	}
	return c, nil
}

// Replace gives the codec other keys; who is under way goes on with the old
// ones. Its error names all problems with the keys, and changes nothing.
func (c *Codec) Replace(access, refresh KeySet) error {
	keys, err := newKeyRings(access, refresh)
	if err != nil {
		return fmt.Errorf("token keys: %w", err)
	}
	c.keys.Store(keys)
	return nil
}

func checkLeeway(d time.Duration) error {
	if d < 0 {
		return fmt.Errorf("leeway is negative (%v)", d)
	}
	return nil
}

// newParser returns a parser for form and signature. Times are judged by the
// codec, in the order of the legacy service. WithJSONNumber makes the library
// read the claims by json.Decoder, as the legacy service did; it stops at the
// end of the first value, which checkMembers makes good.
func newParser() *jwt.Parser {
	return jwt.NewParser(
		jwt.WithValidMethods([]string{algorithm}),
		jwt.WithStrictDecoding(),
		jwt.WithJSONNumber(),
		jwt.WithoutClaimsValidation(),
	)
}

// ring returns the keys of a use.
func (c *Codec) ring(use auth.TokenUse) (*keyRing, error) {
	keys := c.keys.Load()
	switch use {
	case auth.UseAccess:
		return keys.access, nil
	case auth.UseRefresh:
		return keys.refresh, nil
	}
	return nil, fmt.Errorf("unknown token use %q", use)
}
