package auth

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"
)

const (
	codeDigits = 8
	codeBound  = 100_000_000 // 10^codeDigits
)

// newCode returns a new code of eight digits for an account, and the MAC to store. A
// code is short enough to be guessed from a hash, so that its MAC needs a key that
// the database does not contain.
func (s *Service) newCode(p TokenPurpose, userID string) (code string, mac SecretHash) {
	code = fmt.Sprintf("%0*d", codeDigits, uniform(codeBound))
	return code, codeMAC(s.codeKeys()[0], p, userID, code)
}

// uniform returns a random number below bound, each with the same probability.
// crypto/rand.Read never returns an error: it ends the process instead.
func uniform(bound uint64) uint64 {
	const most = 1<<64 - 1
	for {
		var b [8]byte
		_, _ = rand.Read(b[:])
		if n := binary.BigEndian.Uint64(b[:]); n < most-most%bound {
			return n % bound
		}
	}
}

// codeKeys returns the keys of the MACs of codes, the newest first. They are derived
// from the rotation keys, which all replicas share.
func (s *Service) codeKeys() [][]byte { return s.derivedKeys("rekey code") }

func codeMAC(key []byte, p TokenPurpose, userID, code string) SecretHash {
	return SecretHash(macOf(key, string(p), " ", userID, " ", code))
}

// tryCode returns the token whose code a person entered for an account, used or not.
// It counts the try. It returns CodeBadUserInput for the field code if the account has
// no such code, and CodeRateLimited if the account has no try left.
func (s *Service) tryCode(ctx context.Context, p TokenPurpose, userID, code string, now time.Time) (OneTimeToken, error) {
	code, ok := plainCode(code)
	if !ok {
		return OneTimeToken{}, invalidCode()
	}
	var macs []SecretHash
	for _, key := range s.codeKeys() {
		macs = append(macs, codeMAC(key, p, userID, code))
	}
	t, err := s.store.TryCode(ctx, CodeTry{UserID: userID, Purpose: p, MACs: macs, At: now})
	switch {
	case errors.Is(err, ErrNotFound):
		return OneTimeToken{}, invalidCode()
	case errors.Is(err, ErrTooManyTries):
		return OneTimeToken{}, RateLimited(CodeTriesWindow)
	case err != nil:
		return OneTimeToken{}, fmt.Errorf("trying a code: %w", err)
	}
	return t, nil
}

// plainCode returns a code as it was mailed. People enter it with spaces, hyphens
// and the digits of their keyboard.
func plainCode(code string) (string, bool) {
	if len(code) > 8*codeDigits {
		return "", false
	}
	code = strings.Map(func(r rune) rune {
		switch {
		case r >= '０' && r <= '９': // full width
			return r - '０' + '0'
		case r >= '٠' && r <= '٩': // Arabic-Indic
			return r - '٠' + '0'
		case strings.ContainsRune(" -\u00a0\u2009\u202f\u2010\u2011\u2012\u2013\t\n\r", r):
			return -1
		}
		return r
	}, code)
	if len(code) != codeDigits || strings.Trim(code, "0123456789") != "" {
		return "", false
	}
	return code, true
}

// invalidCode is the error for every code that cannot be used, whatever the cause.
func invalidCode() error {
	return BadInput("code", "this code is wrong, was used or has expired: check it, or request another one")
}
