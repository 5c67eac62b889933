package auth

import (
	"crypto/rand"
	"encoding/base64"
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

// live reports whether the token may be used for a purpose.
func (t OneTimeToken) live(p TokenPurpose, now time.Time) bool {
	return t.Purpose == p && t.UsedAt == nil && t.ExpiresAt.After(now)
}

// sendsLinks reports whether mails with links can be sent.
func (s *Service) sendsLinks() bool { return s.sendsMail && s.appURL != "" }

// mailNotConfigured is the error of what needs mail, if no mail can be sent.
func mailNotConfigured() error {
	return &Error{
		Code: CodeForbidden, Reason: ReasonMailNotConfigured, Message: "this service sends no mail, so this is not available",
	}
}
