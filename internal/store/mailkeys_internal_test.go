package store

import (
	"bytes"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pressly/goose/v3"

	"rekey/internal/auth"
	"rekey/internal/test/throwaway"
)

// Each account gets the key of its mailbox, if it is free. The others keep their
// key, and the log reports them without an address.
func TestMigrate_mailKeys(t *testing.T) {
	for name, o := range map[string]Options{
		"SQLite":   {Path: filepath.Join(t.TempDir(), "rekey.db")},
		"Postgres": {URL: throwaway.Postgres(t)},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			o.Logger = slog.New(slog.NewTextHandler(&log, nil))
			s, err := Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			provider, err := goose.NewProvider(s.dialect.goose, s.pools[0], s.dialect.migrations,
				goose.WithDisableGlobalRegistry(true), goose.WithGoMigrations(s.goMigrations()...))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := provider.UpTo(t.Context(), mailKeysVersion-1); err != nil {
				t.Fatal(err)
			}
			accounts := []struct{ email, former, key string }{
				{"Ada@Example.com", "ada@example.com", "ada@example.com"},
				{"eva@münchen.de", "eva@münchen.de", "eva@xn--mnchen-3ya.de"},
				{"eva@münchen。de", "eva@münchen。de", "eva@münchen。de"},                                    // the mailbox has an older account
				{"eva@XN--mnchen-3ya.de", "eva@xn--mnchen-3ya.de.former", "eva@xn--mnchen-3ya.de.former"}, // likewise
				{"eva@straße.de", "eva@strasse.de", "eva@xn--strae-oqa.de"},
				{"Ꭱ@example.com", "ꭱ@example.com", "ꭱ@example.com"},
				{"ꭱ@example.com", "Ꭱ@example.com", "Ꭱ@example.com"}, // the other case of the one above
				{"eva\u3164@example.com", "eva\u1160@example.com", "eva\u1160@example.com"},
			}
			for i, a := range accounts {
				_, err := s.pools[0].ExecContext(t.Context(), `INSERT INTO users (id, name, email, email_key, password_hash, auth_epoch, created_at, updated_at)
					VALUES ($1, 'Ada', $2, $3, 'x', 0, 1, 1)`, fmt.Sprintf("01900000-0000-7000-8000-%012d", i), a.email, a.former)
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := s.Migrate(t.Context()); err != nil {
				t.Fatal(err)
			}
			users, err := s.Users(t.Context(), auth.UserFilter{}, 100)
			if err != nil || len(users) != len(accounts) {
				t.Fatalf("%d users, %v", len(users), err)
			}
			for i, u := range users {
				if u.EmailKey != accounts[i].key {
					t.Errorf("%s has the key %q, want %q", u.Email, u.EmailKey, accounts[i].key)
				}
			}
			if !strings.Contains(log.String(), "accounts=4") || strings.Contains(log.String(), "eva") {
				t.Errorf("the log: %s", &log)
			}
			if _, err := provider.DownTo(t.Context(), mailKeysVersion-1); err != nil {
				t.Fatalf("rolling back: %v", err)
			}
			var found int // later columns of users are gone
			err = s.pools[0].QueryRowContext(t.Context(), `SELECT count(*) FROM users WHERE email_key = 'eva@strasse.de'`).Scan(&found)
			if err != nil || found != 1 {
				t.Errorf("after rolling back: %d, %v", found, err)
			}
		})
	}
}
