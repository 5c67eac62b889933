package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// lookupKeys returns the keys under which the account of a typed address may be:
// its key, and the key of earlier versions if that is another one. It returns
// none if no version accepted the address. The first one identifies the account
// in limits.
func lookupKeys(raw string) []string {
	var keys []string
	key, err := EmailKey(raw)
	if err == nil {
		keys = append(keys, key)
	}
	if former := FormerEmailKey(raw); former != "" && former != key {
		keys = append(keys, former)
	}
	return keys
}

// userByEmail returns the user with an address, and the time of the database's
// clock. It returns ErrNotFound if there is no such user. An account whose key
// could not be changed, because an older account has the mailbox, is found by the
// spelling that it signed up with.
func (s *Service) userByEmail(ctx context.Context, raw string) (u User, clock time.Time, err error) {
	found := false
	key, _ := EmailKey(raw)
	// All keys are read, whatever the first one finds, so that the time reveals
	// nothing.
	for _, k := range lookupKeys(raw) {
		candidate, at, err := s.store.UserByEmailKey(ctx, k)
		if errors.Is(err, ErrNotFound) {
			continue
		}
		if err != nil {
			return User{}, time.Time{}, fmt.Errorf("looking up a user: %w", err)
		}
		// A former key may be the key of another mailbox today.
		if itsKey, _ := EmailKey(candidate.Email); itsKey == key {
			u, clock, found = candidate, at, true
		}
	}
	if !found {
		return User{}, time.Time{}, ErrNotFound
	}
	return u, clock, nil
}

// EmailClash is an account whose address breaks a rule that is newer than it.
type EmailClash struct {
	User User
	// Other is the account that has the key of the mailbox, or nil if no new
	// account may have the address at all.
	Other *User
}

// EmailClashes lists the accounts that keep the key of an earlier version: those
// that share a mailbox with an older account, and those with an address that is
// no longer accepted. It reads all users.
func (s *Service) EmailClashes(ctx context.Context) (clashes []EmailClash, err error) {
	for f := (UserFilter{}); ; {
		page, err := s.Users(ctx, f, exportPage)
		if err != nil {
			return nil, err
		}
		for _, u := range page {
			key, invalid := EmailKey(u.Email)
			if key == u.EmailKey {
				continue
			}
			clash := EmailClash{User: u}
			if invalid == nil {
				other, _, err := s.store.UserByEmailKey(ctx, key)
				if err != nil && !errors.Is(err, ErrNotFound) {
					return nil, fmt.Errorf("looking up a user: %w", err)
				}
				clash.Other = &other
			}
			clashes = append(clashes, clash)
		}
		if len(page) < exportPage {
			return clashes, nil
		}
		f.After = page[len(page)-1].ID
	}
}
