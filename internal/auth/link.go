package auth

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"strings"
	"time"
)

const linkBytes = 32

// newLink returns a new one-time token and its hash. crypto/rand.Read never
// returns an error: it ends the process instead.
func newLink() (token string, hash SecretHash) {
	b := make([]byte, linkBytes)
	_, _ = rand.Read(b)
	token = base64.RawURLEncoding.EncodeToString(b)
	return token, HashSecret(token)
}

// link returns the URL that a mail contains. The token is in the fragment, which
// browsers do not send: no GET uses it up, and no log contains it.
func (s *Service) link(p TokenPurpose, token string) string {
	return strings.TrimSuffix(s.appURL, "/") + "/account#" + string(p) + "=" + token
}

// linkHash returns the hash of a token as a client sent it. It returns false if
// rekey creates no such token.
func linkHash(token string) (SecretHash, bool) {
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(b) != linkBytes || len(token) != base64.RawURLEncoding.EncodedLen(linkBytes) {
		return SecretHash{}, false
	}
	return HashSecret(token), true
}

// mailedToken returns the token that a client sent, used or not. It returns
// ErrNotFound if no token with this purpose exists, or if it has expired.
func (s *Service) mailedToken(ctx context.Context, p TokenPurpose, token string, now time.Time) (OneTimeToken, error) {
	hash, ok := linkHash(token)
	if !ok {
		return OneTimeToken{}, ErrNotFound
	}
	return s.tokenByHash(ctx, p, hash, now)
}

// tokenByHash is mailedToken for a token of which the hash is known.
func (s *Service) tokenByHash(ctx context.Context, p TokenPurpose, hash SecretHash, now time.Time) (OneTimeToken, error) {
	t, err := s.store.OneTimeToken(ctx, hash)
	if err == nil && (t.Purpose != p || !t.ExpiresAt.After(now)) {
		err = ErrNotFound
	}
	if err != nil {
		return OneTimeToken{}, fmt.Errorf("looking up a one-time token: %w", err)
	}
	return t, nil
}

// tokenUser returns the user that a token was mailed to. It returns ErrNotFound if
// the user may not use it, or has another address now.
func (s *Service) tokenUser(ctx context.Context, t OneTimeToken) (User, error) {
	u, err := s.store.UserByID(ctx, t.UserID)
	if err == nil && (!u.mayUse(t.Purpose) || u.EmailKey != t.EmailKey) {
		err = ErrNotFound
	}
	if err != nil {
		return User{}, fmt.Errorf("looking up a user: %w", err)
	}
	return u, nil
}

// mayUse reports whether the user may use a token. The one that cancels a deletion is
// for accounts that are being deleted, the one that undoes a change of the address
// for those too, and the others for active accounts.
func (u User) mayUse(p TokenPurpose) bool {
	switch p {
	case PurposeCancelDeletion:
		return u.DeleteAt != nil
	case PurposeUndoEmailChange:
		return !u.Disabled() // a thief may have deleted the account, too
	}
	return u.Active()
}

// unusedToken is mailedToken for a token that must not have been used.
func (s *Service) unusedToken(ctx context.Context, p TokenPurpose, token string, now time.Time) (OneTimeToken, error) {
	t, err := s.mailedToken(ctx, p, token, now)
	if err == nil && t.UsedAt != nil {
		err = ErrNotFound
	}
	return t, err
}

// tokenOwner returns the unused token that a client sent, and its user. It returns
// ErrNotFound if the token or the user cannot be used.
func (s *Service) tokenOwner(ctx context.Context, p TokenPurpose, token string, now time.Time) (OneTimeToken, User, error) {
	t, err := s.unusedToken(ctx, p, token, now)
	if err != nil {
		return OneTimeToken{}, User{}, err
	}
	u, err := s.tokenUser(ctx, t)
	return t, u, err
}

// sendsLinks reports whether mails with links can be sent.
func (s *Service) sendsLinks() bool { return s.sendsMail && s.appURL != "" }

// mailNotConfigured is the error of what needs mail, if no mail can be sent.
func mailNotConfigured() error {
	return &Error{
		Code: CodeForbidden, Reason: ReasonMailNotConfigured, Message: "this service sends no mail, so this is not available",
	}
}
