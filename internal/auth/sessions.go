package auth

import (
	"context"
	"errors"
	"fmt"
)

// maxListed bounds a listing of sessions; beyond it the newest are shown.
const maxListed = 200

// Me returns the caller's account. A session that ended since the access check
// is CodeUnauthenticated.
func (s *Service) Me(ctx context.Context, caller Caller, c Client) (_ User, err error) {
	ctx, end := observe(ctx, s.observer, StepMe, c)
	defer end(&err)
	return s.account(ctx, caller)
}

func (s *Service) account(ctx context.Context, caller Caller) (User, error) {
	u, err := s.store.UserByID(ctx, caller.UserID)
	if errors.Is(err, ErrNotFound) {
		return User{}, sessionMissing()
	}
	if err != nil {
		return User{}, fmt.Errorf("reading a user: %w", err)
	}
	return u, nil
}

// Session returns the session that the caller's access token belongs to.
func (s *Service) Session(ctx context.Context, caller Caller, c Client) (_ Session, err error) {
	ctx, end := observe(ctx, s.observer, StepSession, c)
	defer end(&err)
	st, err := s.ownSession(ctx, caller, caller.SessionID)
	if errors.Is(err, ErrNotFound) {
		return Session{}, sessionMissing()
	}
	return st, err
}

// ownSession returns a session of the caller's, live or ended; ErrNotFound
// when the caller has none of that id, whoever else may.
func (s *Service) ownSession(ctx context.Context, caller Caller, id string) (Session, error) {
	if !canonicalID(id) {
		return Session{}, ErrNotFound
	}
	st, err := s.store.SessionState(ctx, id, SecretHash{})
	if err != nil {
		return Session{}, fmt.Errorf("reading a session: %w", err)
	}
	if st.Session.UserID != caller.UserID {
		return Session{}, ErrNotFound
	}
	return st.Session, nil
}

// Sessions lists the caller's live sessions, newest first, at most 200.
func (s *Service) Sessions(ctx context.Context, caller Caller, c Client) (_ []Session, err error) {
	ctx, end := observe(ctx, s.observer, StepSessions, c)
	defer end(&err)
	list, err := s.store.Sessions(ctx, caller.UserID, s.now(), maxListed)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	return list, nil
}

// RevokeSession ends one of the caller's sessions and returns it as it is
// then. Ending it again changes nothing. CodeNotFound when the caller has no
// such session.
func (s *Service) RevokeSession(ctx context.Context, caller Caller, id string, c Client) (_ Session, err error) {
	ctx, end := observe(ctx, s.observer, StepRevokeSession, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return Session{}, err
	}
	_, err = s.revoke(ctx, RevokedByUser, Event{
		Kind: EventSessionRevoked, At: now, UserID: caller.UserID, SessionID: id, Client: c, Detail: RevokedByUser, Count: 1,
	})
	if errors.Is(err, ErrNotFound) {
		return Session{}, &Error{Code: CodeNotFound, Message: "you have no such session"}
	}
	if err != nil {
		return Session{}, err
	}
	return s.ownSession(ctx, caller, id)
}
