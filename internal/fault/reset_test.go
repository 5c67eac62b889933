//go:build faults

package fault

import (
	"encoding/base64"
	"fmt"
	"strings"
	"time"

	"rekey/internal/auth"
)

// link issues a link that resets the password of an account, and returns its token.
func (s *stage) link(u auth.User, fill string) string {
	s.t.Helper()
	token := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat(fill, 32)))
	now := *s.now.Load()
	issued, err := s.store.IssueToken(s.t.Context(), auth.TokenIssue{Token: auth.OneTimeToken{
		Hash: auth.HashSecret(token), Purpose: auth.PurposeResetPassword, UserID: u.ID, EmailKey: u.EmailKey, CreatedAt: now, ExpiresAt: now.Add(time.Hour),
	}}, nil)
	s.must(err)
	if !issued {
		s.t.Fatal("no token was issued")
	}
	return token
}

func (s *stage) reset(token, password string) string {
	_, err := s.core.ResetPassword(s.t.Context(), auth.ResetPasswordInput{Token: token, NewPassword: password}, auth.Client{})
	return outcomeOf(err)
}

// twoUses lets two uses of one link meet at the user's row.
func twoUses(s *stage) string {
	token := s.link(s.signUp().User, "a")
	hold, err := s.db.BeginTx(s.t.Context(), nil)
	s.must(err)
	_, err = hold.ExecContext(s.t.Context(), `SELECT 1 FROM users FOR UPDATE`)
	s.must(err)
	outcomes := make(chan string, 2)
	for i := range 2 {
		go func() { outcomes <- s.reset(token, fmt.Sprint("fine horse number ", i)) }()
	}
	s.awaitBlocked(s.t.Context(), 2)
	s.must(hold.Commit())
	set := 0
	for range 2 {
		if <-outcomes == "accepted" {
			set++
		}
	}
	return fmt.Sprintf("%d passwords", set)
}

// anotherLink uses a link after another one of the account.
func anotherLink(s *stage) string {
	u := s.signUp().User
	first, second := s.link(u, "a"), s.link(u, "b")
	if got := s.reset(first, "another fine horse"); got != "accepted" {
		s.t.Fatalf("the first link: %s", got)
	}
	return s.reset(second, "yet another horse")
}

// clearSealer encrypts nothing: no test here reads a mail.
type clearSealer struct{}

func (clearSealer) Seal(_, _ string, text []byte) (auth.Sealed, error) {
	return auth.Sealed{Text: text, Master: "clear"}, nil
}

func (clearSealer) Open(_, _ string, s auth.Sealed) ([]byte, error) { return s.Text, nil }

func (clearSealer) Current() (string, error) { return "clear", nil }
