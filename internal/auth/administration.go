package auth

import (
	"context"
	"errors"
	"fmt"
)

// The use cases in this file are for administrators. No limit counts them.

// exportPage is how many users an export reads at a time.
const exportPage = 1000

// AddUserInput holds the data of a new user that an administrator adds.
type AddUserInput struct {
	Name     string
	Email    string
	Password string
}

// UserFilter selects users to list. The zero filter selects all.
type UserFilter struct {
	// Email is a part of the address, in any case, or empty.
	Email string
	// Disabled selects only disabled users, or only enabled ones. Nil selects
	// both.
	Disabled *bool
	// After is the id of the last user of the previous page, or empty for the
	// first page.
	After string
}

// AddUser creates an account without a session. It returns CodeBadUserInput
// with all invalid fields, or CodeConflict if the e-mail address has an account.
func (s *Service) AddUser(ctx context.Context, in AddUserInput, c Client) (User, error) {
	now := s.now()
	u, err := s.newUser(ctx, SignUpInput{Name: in.Name, Email: in.Email, Password: in.Password}, now, c)
	if err != nil {
		return User{}, err
	}
	e := Event{Kind: EventUserAdded, At: now, UserID: u.ID, Client: c}
	err = s.store.AddUser(ctx, u, &e)
	if errors.Is(err, ErrEmailTaken) {
		return User{}, emailConflict()
	}
	if err != nil {
		return User{}, fmt.Errorf("adding a user: %w", err)
	}
	s.events.Emit(ctx, e)
	return u, nil
}

// FindUser returns the user with an e-mail address or an id. It returns
// CodeNotFound if there is no such user.
func (s *Service) FindUser(ctx context.Context, who string) (u User, err error) {
	what := "id"
	if canonicalID(who) {
		u, err = s.store.UserByID(ctx, who)
	} else {
		what = "e-mail address"
		if len(lookupKeys(who)) == 0 {
			return User{}, BadInput("email", "e-mail address is not valid")
		}
		u, _, err = s.userByEmail(ctx, who)
	}
	if errors.Is(err, ErrNotFound) {
		return User{}, &Error{Code: CodeNotFound, Message: "no user has this " + what}
	}
	if err != nil {
		return User{}, fmt.Errorf("looking up a user: %w", err)
	}
	return u, nil
}

// Users lists users in the order of their ids, which is the order of their
// sign-up, at most limit.
func (s *Service) Users(ctx context.Context, f UserFilter, limit int) ([]User, error) {
	f.Email = emailPart(f.Email)
	users, err := s.store.Users(ctx, f, limit)
	if err != nil {
		return nil, fmt.Errorf("listing users: %w", err)
	}
	return users, nil
}

// ExportUsers calls each for every user that matches the filter, and returns
// their number. One page of users is in memory at a time. The export is not a
// snapshot: it includes users that sign up meanwhile. what describes the export
// in the journal, which records it before the first user is read.
func (s *Service) ExportUsers(ctx context.Context, f UserFilter, what string, c Client, each func(User) error) (n int, err error) {
	e := Event{Kind: EventUsersExported, At: s.now(), Client: c, Detail: what}
	if err := s.store.Record(ctx, e); err != nil {
		return 0, fmt.Errorf("recording the export: %w", err)
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

// DisableUser disables a user, who is found as by FindUser, revokes all of the
// user's sessions and returns their number.
func (s *Service) DisableUser(ctx context.Context, who string, c Client) (int, error) {
	return s.revokeUser(ctx, who,
		EndSessions{Reason: RevokedByDisabling, Disable: true}, Event{Kind: EventUserDisabled, Client: c})
}

// EndUserSessions revokes all sessions of a user, who is found as by FindUser,
// stops logins in progress and returns the number of sessions.
func (s *Service) EndUserSessions(ctx context.Context, who string, c Client) (int, error) {
	return s.revokeUser(ctx, who,
		EndSessions{Reason: RevokedByOperator}, Event{Kind: EventSessionRevoked, Client: c, Detail: RevokedByOperator})
}

func (s *Service) revokeUser(ctx context.Context, who string, change EndSessions, e Event) (int, error) {
	u, err := s.FindUser(ctx, who)
	if err != nil {
		return 0, err
	}
	if err := s.prepareRevoking(ctx); err != nil {
		return 0, err
	}
	now := s.now()
	change.UserID, change.At, change.RaiseEpoch = u.ID, now, true
	e.UserID, e.At = u.ID, now
	return s.revokeSeveral(ctx, change, e)
}

// EnableUser enables a disabled user, who is found as by FindUser. Revoked
// sessions stay revoked.
func (s *Service) EnableUser(ctx context.Context, who string, c Client) error {
	u, err := s.FindUser(ctx, who)
	if err != nil {
		return err
	}
	now := s.now()
	e := Event{Kind: EventUserEnabled, At: now, UserID: u.ID, Client: c}
	if err := s.store.EnableUser(ctx, u.ID, now, &e); err != nil {
		return fmt.Errorf("enabling a user: %w", err)
	}
	s.events.Emit(ctx, e)
	return nil
}

// UserSessions lists the live sessions of a user, who is found as by FindUser,
// newest first, at most limit.
func (s *Service) UserSessions(ctx context.Context, who string, limit int) ([]Session, error) {
	u, err := s.FindUser(ctx, who)
	if err != nil {
		return nil, err
	}
	return s.liveSessions(ctx, u.ID, s.now(), limit)
}

// EndSession revokes the session of any user. It returns false if the session
// was not live, and CodeNotFound if there is no such session.
func (s *Service) EndSession(ctx context.Context, id string, c Client) (bool, error) {
	if !canonicalID(id) {
		return false, BadInput("id", fmt.Sprintf("%q is not the id of a session", id))
	}
	st, err := s.sessionState(ctx, id, SecretHash{})
	if err == nil {
		err = s.prepareRevoking(ctx)
	}
	revoked := false
	if err == nil {
		revoked, err = s.revoke(ctx, RevokedByOperator, Event{
			Kind: EventSessionRevoked, At: s.now(), UserID: st.User.ID, SessionID: id, Client: c, Detail: RevokedByOperator, Count: 1,
		})
	}
	if errors.Is(err, ErrNotFound) {
		return false, &Error{Code: CodeNotFound, Message: "there is no session " + id}
	}
	return revoked, err
}
