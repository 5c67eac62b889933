package token

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"rekey/internal/auth"
)

// Verify checks a token of the given use at now. Its error is an *[auth.Error]
// with Token set; the fault is the one that the legacy service would have told.
func (c *Codec) Verify(use auth.TokenUse, token string, now time.Time) (auth.Claims, error) {
	return c.verify(use, token, now, true)
}

// VerifyExpired is Verify without judging exp, which must be there all the same.
func (c *Codec) VerifyExpired(use auth.TokenUse, token string, now time.Time) (auth.Claims, error) {
	return c.verify(use, token, now, false)
}

func (c *Codec) verify(use auth.TokenUse, token string, now time.Time, expiry bool) (auth.Claims, error) {
	parsed, err := c.read(use, token, now)
	if err != nil {
		return auth.Claims{}, err
	}
	if f := c.judge(parsed, now, expiry); f.Fault != 0 {
		return auth.Claims{}, auth.InvalidToken(f)
	}
	return parsed.value(), nil
}

// read checks everything but the times.
func (c *Codec) read(use auth.TokenUse, token string, now time.Time) (*claims, error) {
	ring, err := c.ring(use)
	if err != nil {
		return nil, fmt.Errorf("verifying: %w", err)
	}
	parsed := &claims{}
	s := c.scratches.get()
	own, err := ring.holdOwn(token, parsed, s)
	c.scratches.put(s)
	if !own {
		err = c.hold(ring, token, parsed)
	}
	if err != nil {
		if c.outdated(now) && ring.lacks(token) {
			return nil, auth.Unavailable(errUnknownKey)
		}
		return nil, auth.InvalidToken(diagnose(token))
	}
	if !own {
		err = checkContent(token, parsed)
	}
	if err := errors.Join(err, c.issuer.check(parsed)); err != nil {
		return nil, auth.InvalidToken(auth.TokenFailure{Fault: auth.FaultClaims, Detail: detail(err)})
	}
	return parsed, nil
}

// hold returns nil when the token is well-formed, canonically spelt and signed
// by a key of the ring, and fills in its claims. Strict decoding refuses every
// other spelling of a segment but CR and LF, which Go's base64 skips.
func (c *Codec) hold(ring *keyRing, token string, into *claims) error {
	if len(token) > auth.MaxTokenBytes || strings.ContainsAny(token, "\r\n") {
		return errSpelling
	}
	_, err := c.parser.ParseWithClaims(token, into, ring.candidates)
	return err
}

// judge checks the times, in whole seconds. As in the legacy service each
// finding replaces the one before: nbf beats iat, iat beats exp.
func (c *Codec) judge(in *claims, now time.Time, expiry bool) auth.TokenFailure {
	var f auth.TokenFailure
	if since := now.Unix() - in.ExpiresAt.seconds; expiry && since >= 0 {
		f = auth.TokenFailure{Fault: auth.FaultExpired, ExpiredBy: time.Duration(since) * time.Second}
	}
	latest := now.Add(c.leeway).Unix()
	if in.IssuedAt.ceil() > latest {
		f = auth.TokenFailure{Fault: auth.FaultIssuedInFuture}
	}
	if in.NotBefore.present && in.NotBefore.ceil() > latest {
		f = auth.TokenFailure{Fault: auth.FaultNotYetValid}
	}
	return f
}
