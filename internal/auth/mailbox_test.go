package auth

import (
	"context"
	"errors"
	"testing"
	"time"
)

// mailboxStore has users by their key.
type mailboxStore struct {
	Store
	users map[string]User
}

func (s mailboxStore) UserByEmailKey(_ context.Context, key string) (User, time.Time, error) {
	u, ok := s.users[key]
	if !ok {
		return User{}, time.Time{}, ErrNotFound
	}
	return u, time.Unix(1, 0), nil
}

func (s mailboxStore) Users(_ context.Context, f UserFilter, _ int) (users []User, err error) {
	for key, u := range s.users {
		u.EmailKey = key
		users = append(users, u)
	}
	return users, nil
}

// An account that keeps its former key is found by the spelling that it signed up
// with, and never by the spelling of another mailbox.
func TestService_userByEmail(t *testing.T) {
	s := &Service{store: mailboxStore{users: map[string]User{
		"eva@xn--mnchen-3ya.de": {ID: "oldest", Email: "eva@münchen.de"},
		"eva@münchen。de":        {ID: "clash", Email: "eva@münchen。de"},
		"eva@strasse.de":        {ID: "strasse", Email: "eva@strasse.de"},
		"eva@xn--strae-oqa.de":  {ID: "straße", Email: "eva@straße.de"},
		"max@strasse.de":        {ID: "max", Email: "max@strasse.de"},
		"eva\u1160@example.com": {ID: "invisible", Email: "eva\u3164@example.com"},
		"eva@example.com":       {ID: "visible", Email: "eva@example.com"},
	}}}
	for address, want := range map[string]string{
		"eva@münchen.de": "oldest", "EVA@XN--MNCHEN-3YA.DE": "oldest", "eva@münchen｡de": "clash", "eva@MÜNCHEN。de": "clash",
		"eva@strasse.de": "strasse", "eva@straße.de": "straße", "max@straße.de": "", "max@strasse.de": "max",
		"eva\u3164@example.com": "invisible", "eva@example.com": "visible", "nobody@münchen.de": "", "no address": "",
	} {
		u, clock, err := s.userByEmail(t.Context(), address)
		if want == "" {
			if !errors.Is(err, ErrNotFound) {
				t.Errorf("%q: %q, %v", address, u.ID, err)
			}
		} else if err != nil || u.ID != want || clock.IsZero() {
			t.Errorf("%q: %q at %v, %v, want %q", address, u.ID, clock, err, want)
		}
	}
	clashes, err := s.EmailClashes(t.Context())
	if err != nil || len(clashes) != 2 {
		t.Fatalf("%d clashes, %v", len(clashes), err)
	}
	for _, c := range clashes {
		switch {
		case c.User.ID == "clash" && c.Other != nil && c.Other.ID == "oldest":
		case c.User.ID == "invisible" && c.Other == nil:
		default:
			t.Errorf("clash %+v", c)
		}
	}
}
