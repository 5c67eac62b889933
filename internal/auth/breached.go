package auth

import (
	"context"
	"slices"
)

// BreachedPasswords is a list of leaked passwords.
type BreachedPasswords interface {
	// Contains reports whether the list has one of the passwords, which are forms
	// of one. It returns false if it cannot find out, so that an outage prevents
	// nobody from choosing a password. It takes about a second at most.
	Contains(ctx context.Context, forms ...string) bool
}

// choosePassword returns the form of a new password that is hashed. It refuses
// those that newPassword refuses, and leaked ones. Every operation that sets a
// password calls it, before it hashes: a request must not wait for another service
// while it has a place in the queue of hashes.
func (s *Service) choosePassword(ctx context.Context, field, password string, u User) (string, error) {
	normal, err := newPassword(field, password, u)
	if err != nil || s.breached == nil {
		return normal, err
	}
	// A guesser's password is normalised too, so the account is open to a guesser
	// whose list has the normal form or the form that was typed.
	if s.breached.Contains(ctx, slices.Compact([]string{normal, password})...) {
		return "", BadInput(field, "this password appears in a list of leaked passwords: choose another one")
	}
	return normal, nil
}
