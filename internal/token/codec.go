package token

import (
	"errors"
	"fmt"
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
}

// Codec mints and verifies tokens. It is safe for concurrent use and
// implements [auth.Tokens].
type Codec struct {
	access   *keyRing
	refresh  *keyRing
	location *time.Location
	leeway   time.Duration
	parser   *jwt.Parser
}

var _ auth.Tokens = (*Codec)(nil)

// New returns a Codec. Its error names all problems at once: a key that is
// missing or not on P-256, a public key that stands in both sets, a negative
// leeway.
func New(o Options) (*Codec, error) {
	access, accessErr := newKeyRing("access", o.Access)
	refresh, refreshErr := newKeyRing("refresh", o.Refresh)
	err := errors.Join(accessErr, refreshErr, sharedKeys(access, refresh), checkLeeway(o.Leeway))
	if err != nil {
		return nil, fmt.Errorf("token keys: %w", err)
	}
	location := o.Location
	if location == nil {
		location = time.UTC
	}
	return &Codec{
		access:   access,
		refresh:  refresh,
		location: location,
		leeway:   o.Leeway,
		parser:   newParser(),
	}, nil
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
	switch use {
	case auth.UseAccess:
		return c.access, nil
	case auth.UseRefresh:
		return c.refresh, nil
	}
	return nil, fmt.Errorf("unknown token use %q", use)
}
