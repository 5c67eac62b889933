// Package token mints and verifies the tokens of rekey and defines the keys that
// sign them. It is the only user of the JWT library besides package verify.
//
// It defines the form of a token, its claims, its time bounds and its signature.
// It does not know sessions, users or the blacklist: the core may refuse a token
// that verifies here. It reads no clock; the caller passes the time.
package token

import (
	"cmp"
	"errors"
	"fmt"
	"reflect"
	"sync/atomic"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rekey/internal/auth"
)

// Options configure a Codec.
type Options struct {
	// Access and Refresh must not share a public key: only the key distinguishes
	// the two uses.
	Access  KeySet
	Refresh KeySet
	// Location is the zone of the user's times in minted claims; nil is UTC.
	Location *time.Location
	// Leeway is how far iat and nbf may be ahead of the clock. exp has none.
	Leeway time.Duration
	// Issuer adds iss, sub, aud and jti to minted tokens; if it is empty, they
	// have none of these. Tokens with another issuer, or only with other
	// audiences, are refused. Tokens without an issuer and an audience are
	// accepted, because they may be older than the setting.
	Issuer   string
	Audience []string // empty: the issuer
	// AccessType is the typ of minted access tokens; "JWT" if it is empty. With
	// AccessTypeRFC9068 they also have client_id and scope. Tokens of any typ are
	// accepted, because only the key distinguishes the uses.
	AccessType string
	// Outdated reports whether keys may be missing at now; nil means never. While
	// it does, a token under an unknown key is CodeUnavailable, since it may be valid.
	Outdated func(now time.Time) bool
}

// Codec mints and verifies tokens. It is safe for concurrent use and
// implements [auth.Tokens].
type Codec struct {
	keys       atomic.Pointer[keyRings]
	location   *time.Location
	leeway     time.Duration
	outdated   func(now time.Time) bool
	issuer     issuer
	parser     *jwt.Parser
	claimNames map[string]bool
	accessType string
}

// AccessTypeRFC9068 is the typ of access tokens in RFC 9068.
const AccessTypeRFC9068 = "at+jwt"

var _ auth.Tokens = (*Codec)(nil)

// New returns a Codec. Its error names all problems: a key that is missing or not
// on P-256, a public key that is in both sets, a negative leeway.
func New(o Options) (*Codec, error) {
	c := &Codec{
		location: o.Location, leeway: o.Leeway, outdated: o.Outdated, issuer: newIssuer(o), claimNames: map[string]bool{},
		accessType: cmp.Or(o.AccessType, plainType),
		// The parser checks form and signature. The codec checks the times, in the
		// order of the legacy service. WithJSONNumber makes the library read the
		// claims with json.Decoder, as the legacy service did; the decoder stops
		// after the first value, so checkContent refuses what follows.
		parser: jwt.NewParser(jwt.WithValidMethods([]string{algorithm}), jwt.WithStrictDecoding(),
			jwt.WithJSONNumber(), jwt.WithoutClaimsValidation()),
	}
	addMemberNames(c.claimNames, reflect.TypeFor[claims]())
	if c.location == nil {
		c.location = time.UTC
	}
	if c.outdated == nil {
		c.outdated = func(time.Time) bool { return false }
	}
	err := c.Replace(o.Access, o.Refresh)
	if o.Leeway < 0 {
		err = errors.Join(err, fmt.Errorf("leeway is negative (%v)", o.Leeway))
	}
	if err != nil {
		return nil, err
	}
	return c, nil
}

// Replace replaces the keys; calls in progress continue with the old ones. Its
// error names all problems with the keys; the old ones then stay in use.
func (c *Codec) Replace(access, refresh KeySet) error {
	keys, err := newKeyRings(access, refresh, c.accessType)
	if err != nil {
		return fmt.Errorf("token keys: %w", err)
	}
	c.keys.Store(keys)
	return nil
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

// None implements [auth.Tokens] for a process without keys. All its methods
// fail.
type None struct{}

var _ auth.Tokens = None{}

var errNoKeys = errors.New("this process has no keys")

// Mint fails.
func (None) Mint(auth.TokenUse, auth.Claims) (string, error) { return "", errNoKeys }

// Verify fails with auth.CodeUnavailable.
func (None) Verify(auth.TokenUse, string, time.Time) (auth.Claims, error) {
	return auth.Claims{}, auth.Unavailable(errNoKeys)
}

// VerifyExpired fails as Verify does.
func (None) VerifyExpired(auth.TokenUse, string, time.Time) (auth.Claims, error) {
	return auth.Claims{}, auth.Unavailable(errNoKeys)
}
