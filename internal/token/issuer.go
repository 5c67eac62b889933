package token

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"slices"

	"rekey/internal/auth"
)

// issuer holds the issuer and the audience of minted tokens (RFC 7519).
type issuer struct {
	name     string // empty: tokens have no issuer
	audience audience
	// clientID and scope are those of access tokens, in JSON; nil if they have none.
	clientID, scope json.RawMessage
}

// accountScope is the scope of access tokens: all that the user may do. Users
// delegate no part of it.
const accountScope = `"account"`

func newIssuer(o Options) issuer {
	i := issuer{name: o.Issuer, audience: o.Audience}
	if len(i.audience) == 0 {
		i.audience = audience{o.Issuer}
	}
	if o.AccessType == AccessTypeRFC9068 {
		// The service itself is the client: users log in to it directly, and no other
		// client is registered. A user's id cannot be equal to a URL.
		i.clientID, _ = json.Marshal(i.name) // text always encodes
		i.scope = json.RawMessage(accountScope)
	}
	return i
}

// sign sets the claims that identify the issuer, the user and the token.
func (i issuer) sign(use auth.TokenUse, c *claims) {
	if i.name == "" {
		return
	}
	c.Issuer, c.Audience, c.Subject, c.ID = i.name, i.audience, c.User.ID, tokenID(use, c.User.Auth)
	if use == auth.UseAccess {
		c.ClientID, c.Scope = i.clientID, i.scope
	}
}

// check refuses tokens of another issuer or for another audience (RFC 8725
// sections 3.8 and 3.9). A missing claim is accepted: the token may be older
// than the setting. A sub is always the user.
func (i issuer) check(c *claims) error {
	if c.Subject != "" && c.Subject != c.User.ID {
		return errors.New("sub is not the user")
	}
	if i.name == "" {
		return nil
	}
	switch {
	case c.Issuer != "" && c.Issuer != i.name:
		return errors.New("iss is another")
	case c.Audience != nil && !slices.ContainsFunc(c.Audience, func(a string) bool { return slices.Contains(i.audience, a) }):
		return errors.New("aud is another")
	}
	return nil
}

const tokenIDLen = 16 // bytes

// tokenID returns the jti. A repeated answer has the same jti, and each
// generation and use has another. It does not reveal the secret.
func tokenID(use auth.TokenUse, a *authClaim) string {
	if a == nil {
		return ""
	}
	sum := sha256.Sum256([]byte("rekey jti\x00" + string(use) + "\x00" + a.ID + "\x00" + a.Token))
	return base64.RawURLEncoding.EncodeToString(sum[:tokenIDLen])
}
