package auth

import (
	"context"
	"errors"
	"fmt"
)

// UserSessions lists the live sessions of the user of an e-mail address or an
// id, newest first, at most limit. For administrators. CodeNotFound when there
// is no such user.
func (s *Service) UserSessions(ctx context.Context, who string, limit int) ([]Session, error) {
	u, err := s.FindUser(ctx, who)
	if err != nil {
		return nil, err
	}
	list, err := s.store.Sessions(ctx, u.ID, s.now(), limit)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	return list, nil
}

// EndSession ends a session, whosever it is; false when it had ended before.
// For administrators. CodeNotFound when there is no such session.
func (s *Service) EndSession(ctx context.Context, id string, c Client) (bool, error) {
	notFound := &Error{Code: CodeNotFound, Message: "there is no session " + id}
	if !canonicalID(id) {
		return false, BadInput("id", fmt.Sprintf("%q is not the id of a session", id))
	}
	st, err := s.store.SessionState(ctx, id, SecretHash{})
	if errors.Is(err, ErrNotFound) {
		return false, notFound
	}
	if err != nil {
		return false, fmt.Errorf("reading a session: %w", err)
	}
	if err := s.prepareEnding(ctx); err != nil {
		return false, err
	}
	ended, err := s.revoke(ctx, RevokedByOperator, Event{
		Kind: EventSessionRevoked, At: s.now(), UserID: st.User.ID, SessionID: id, Client: c, Detail: RevokedByOperator, Count: 1,
	})
	if errors.Is(err, ErrNotFound) { // it was cleaned up just now
		return false, notFound
	}
	return ended, err
}

// EndUserSessions ends all sessions of the user of an e-mail address or an id,
// and logins under way; it returns how many. For administrators. CodeNotFound
// when there is no such user.
func (s *Service) EndUserSessions(ctx context.Context, who string, c Client) (int, error) {
	u, err := s.FindUser(ctx, who)
	if err != nil {
		return 0, err
	}
	if err := s.prepareEnding(ctx); err != nil {
		return 0, err
	}
	now := s.now()
	return s.endSessions(ctx, EndSessions{UserID: u.ID, Reason: RevokedByOperator, At: now, RaiseEpoch: true},
		Event{Kind: EventSessionRevoked, At: now, UserID: u.ID, Client: c, Detail: RevokedByOperator})
}

// prepareEnding comes before the clock is read for a change that ends sessions:
// the first note of a command may take seconds, and who follows the blacklist
// looks back only so far.
func (s *Service) prepareEnding(ctx context.Context) error {
	if err := s.cache.Invalidate(ctx); err != nil {
		return fmt.Errorf("preparing to end sessions: %w", err)
	}
	return nil
}
