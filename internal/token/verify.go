package token

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"rekey/internal/auth"
)

// Verify checks a token of the given use at now. Its error is an *[auth.Error]
// with Token set, with the fault that the legacy service would have reported.
func (c *Codec) Verify(use auth.TokenUse, token string, now time.Time) (auth.Claims, error) {
	return c.verify(use, token, now, true)
}

// VerifyExpired is Verify, but accepts any exp.
func (c *Codec) VerifyExpired(use auth.TokenUse, token string, now time.Time) (auth.Claims, error) {
	return c.verify(use, token, now, false)
}

func (c *Codec) verify(use auth.TokenUse, token string, now time.Time, expiry bool) (auth.Claims, error) {
	ring, err := c.ring(use)
	if err != nil {
		return auth.Claims{}, fmt.Errorf("verifying: %w", err)
	}
	parsed := &claims{}
	own, err := ring.verifyOwn(token, parsed)
	if !own {
		err = c.verifyAny(ring, token, parsed)
	}
	if err != nil {
		if c.outdated(now) && ring.lacks(token) {
			return auth.Claims{}, auth.Unavailable(errUnknownKey)
		}
		return auth.Claims{}, auth.InvalidToken(diagnose(token))
	}
	if !own {
		err = c.checkContent(token, parsed)
	}
	if err := errors.Join(err, c.issuer.check(parsed)); err != nil {
		return auth.Claims{}, auth.InvalidToken(auth.TokenFailure{Fault: auth.FaultClaims, Detail: detail(err)})
	}
	if f := c.checkTimes(parsed, now, expiry); f.Fault != 0 {
		return auth.Claims{}, auth.InvalidToken(f)
	}
	return parsed.value(), nil
}

// verifyOwn verifies a token that is encoded exactly as Mint encodes it, as
// nearly all tokens are. It reports known = false for every other token, for
// which nothing is decided yet.
func (r *keyRing) verifyOwn(token string, into *claims) (known bool, err error) {
	if len(token) > auth.MaxTokenBytes || strings.ContainsAny(token, "\r\n") {
		return false, nil
	}
	header, rest, _ := strings.Cut(token, ".")
	payload, signature, _ := strings.Cut(rest, ".")
	key, known := r.byHeader[header]
	sig, decodeErr := base64.RawURLEncoding.Strict().DecodeString(signature)
	known = known && decodeErr == nil && len(sig) == 2*scalarLen && decodeOwn(payload, into)
	if !known {
		return false, nil
	}
	signed := token[:len(header)+1+len(payload)]
	if header == r.header && signedBy(r.signing, []byte(signed), sig) {
		return true, nil
	}
	return true, jwt.SigningMethodES256.Verify(signed, sig, key)
}

// signedBy reports whether sig is the signature that the key makes for the text.
// Signatures are deterministic, and signing takes less than half of the time
// that verifying takes. Any other signature may be valid all the same. The
// comparison takes constant time, so that it does not reveal the signature.
func signedBy(key *ecdsa.PrivateKey, text, sig []byte) bool {
	own, err := sign(text, key)
	return err == nil && subtle.ConstantTimeCompare(own, sig) == 1
}

// decodeOwn decodes a second segment, and reports whether encoding the claims
// again gives the same bytes. If it does, encoding/json cannot have misread
// them: members are unique, known and in the exact case, nothing follows, and
// the text is valid UTF-8.
func decodeOwn(segment string, into *claims) bool {
	text, err := base64.RawURLEncoding.Strict().DecodeString(segment)
	if err != nil {
		return false
	}
	var c claims
	if json.Unmarshal(text, &c) != nil {
		return false
	}
	encoded, err := json.Marshal(&c)
	if err != nil || !bytes.Equal(encoded, text) || checkDates(&c) != nil {
		return false
	}
	*into = c
	return true
}

// verifyAny verifies the form and the signature of any token, and decodes its
// claims. Strict decoding accepts only the canonical base64url of a segment,
// except for CR and LF, which Go's base64 skips.
func (c *Codec) verifyAny(ring *keyRing, token string, into *claims) error {
	if len(token) > auth.MaxTokenBytes || strings.ContainsAny(token, "\r\n") {
		return errors.New("too long, or with line breaks")
	}
	_, err := c.parser.ParseWithClaims(token, into, ring.candidates)
	return err
}

// checkTimes checks the times in whole seconds. As in the legacy service, each
// fault replaces the one before it: nbf takes precedence over iat, and iat over
// exp.
func (c *Codec) checkTimes(in *claims, now time.Time, expiry bool) auth.TokenFailure {
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
