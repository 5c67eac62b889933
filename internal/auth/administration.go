package auth

import (
	"context"
	"errors"
	"fmt"
)

// exportPage is how many users an export reads at a time.
const exportPage = 1000

// AddUserInput is what an administrator gives for a new user.
type AddUserInput struct {
	Name     string
	Email    string
	Password string
}

// UserFilter says which users to list. The zero filter lists all.
type UserFilter struct {
	// Email is a part of the address, in any case; empty for any.
	Email string
	// Disabled lists only users who are, or only those who are not; nil for both.
	Disabled *bool
	// After is the id of the user to go on after; empty for the first page.
	After string
}

// AddUser makes an account without a session. For administrators: no limit
// counts it. CodeBadUserInput naming all that is wrong, CodeConflict when the
// e-mail address has an account.
func (s *Service) AddUser(ctx context.Context, in AddUserInput, c Client) (User, error) {
	now := s.now()
	u, err := s.newUser(ctx, SignUpInput{Name: in.Name, Email: in.Email, Password: in.Password}, now)
	if err != nil {
		return User{}, err
	}
	e := Event{Kind: EventUserAdded, At: now, UserID: u.ID, Client: c}
	err = s.store.AddUser(ctx, u, e)
	if errors.Is(err, ErrEmailTaken) {
		return User{}, emailConflict()
	}
	if err != nil {
		return User{}, fmt.Errorf("adding a user: %w", err)
	}
	s.events.Emit(ctx, e)
	return u, nil
}

// FindUser returns the user of an e-mail address or an id. For administrators.
// CodeNotFound when there is none.
func (s *Service) FindUser(ctx context.Context, who string) (User, error) {
	if !canonicalID(who) {
		return s.userByEmail(ctx, who)
	}
	u, err := s.store.UserByID(ctx, who)
	if errors.Is(err, ErrNotFound) {
		return User{}, &Error{Code: CodeNotFound, Message: "no user has this id"}
	}
	if err != nil {
		return User{}, fmt.Errorf("looking a user up: %w", err)
	}
	return u, nil
}

// Users lists users in the order of their ids, which is that of their sign-up,
// at most limit. For administrators.
func (s *Service) Users(ctx context.Context, f UserFilter, limit int) ([]User, error) {
	f.Email = foldEmail(f.Email)
	users, err := s.store.Users(ctx, f, limit)
	if err != nil {
		return nil, fmt.Errorf("listing users: %w", err)
	}
	return users, nil
}

// ExportUsers calls each for every user that matches, a page of them in memory
// at a time, and returns how many there were. Who signs up meanwhile is among
// them; it is no snapshot. The journal has it before the first one is read, with
// what says what is taken away. For administrators.
func (s *Service) ExportUsers(ctx context.Context, f UserFilter, what string, c Client, each func(User) error) (n int, err error) {
	e := Event{Kind: EventUsersExported, At: s.now(), Client: c, Detail: what}
	if err := s.store.Record(ctx, e); err != nil {
		return 0, fmt.Errorf("noting the export: %w", err)
	}
	s.events.Emit(ctx, e)
	for {
		page, err := s.Users(ctx, f, exportPage)
		if err != nil {
			return n, err
		}
		for _, u := range page {
			if err := each(u); err != nil {
				return n, fmt.Errorf("writing a user: %w", err)
			}
			n++
		}
		if len(page) < exportPage {
			return n, nil
		}
		f.After = page[len(page)-1].ID
	}
}
