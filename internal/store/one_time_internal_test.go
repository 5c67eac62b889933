package store

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/internal/test/throwaway"
)

// A token for an address without an account costs the same statements as one with
// an account, and adds no mail.
func TestStore_IssueTokenCost(t *testing.T) {
	for name, o := range map[string]Options{
		"SQLite":   {Path: filepath.Join(t.TempDir(), "rekey.db")},
		"Postgres": {URL: throwaway.Postgres(t)},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			if _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			var statements []string
			count := func(db *gorm.DB) {
				words := strings.Fields(db.Statement.SQL.String())[:3]
				statements = append(statements, strings.NewReplacer("`", "", `"`, "").Replace(strings.Join(words, " ")))
			}
			for _, register := range []func(string, func(*gorm.DB)) error{
				s.begin.db.Callback().Create().After("*").Register, s.begin.db.Callback().Row().After("*").Register,
				s.begin.db.Callback().Raw().After("*").Register, s.begin.db.Callback().Query().After("*").Register,
			} {
				if err := register("count", count); err != nil {
					t.Fatal(err)
				}
			}
			at := time.Now()
			u := auth.User{ID: auth.NewID(at).String(), Email: "ada@example.com", EmailKey: "ada@example.com", CreatedAt: at, UpdatedAt: at}
			if err := s.AddUser(t.Context(), u, nil); err != nil {
				t.Fatal(err)
			}
			toAll := false
			issue := func(userID, key string) []string {
				t.Helper()
				statements = nil
				for i := range auth.MaxLiveTokens + 1 {
					e := auth.Event{Kind: auth.EventResetRequested, At: at, UserID: userID, Mails: []auth.SealedMail{{
						ID: auth.NewID(at).String(), Kind: auth.MailResetPassword, UserID: userID, CreatedAt: at, ExpiresAt: at,
						Sealed: auth.Sealed{Text: []byte("sealed"), Master: "m"},
					}}}
					token := auth.OneTimeToken{
						Hash: auth.HashSecret(fmt.Sprint(key, i)), Purpose: auth.PurposeResetPassword, UserID: userID, EmailKey: key,
						CreatedAt: at, ExpiresAt: at.Add(time.Hour),
					}
					issued, err := s.IssueToken(t.Context(), auth.TokenIssue{Token: token, Mails: toAll}, &e)
					if err != nil || issued != (i < auth.MaxLiveTokens) {
						t.Fatalf("issued %v, %v", issued, err)
					}
				}
				return statements
			}
			with, without := issue(u.ID, u.EmailKey), issue("", "nobody@example.com")
			if !slices.Equal(with, without) || len(with) != 4*auth.MaxLiveTokens+2 {
				t.Errorf("with an account:\n%s\nwithout:\n%s", strings.Join(with, "\n"), strings.Join(without, "\n"))
			}
			mails, err := s.Mails(t.Context(), auth.MailQuery{Limit: 10})
			if err != nil || len(mails) != auth.MaxLiveTokens {
				t.Errorf("%d mails, %v", len(mails), err)
			}
			toAll = true
			if mailed := issue("", "newcomer@example.com"); !slices.Equal(mailed, without) {
				t.Errorf("with a mail to an address without an account:\n%s", strings.Join(mailed, "\n"))
			}
			mails, err = s.Mails(t.Context(), auth.MailQuery{Limit: 10})
			if err != nil || len(mails) != 2*auth.MaxLiveTokens {
				t.Errorf("%d mails, %v", len(mails), err)
			}
		})
	}
}
