package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// maxListed limits a list of sessions. If there are more, the newest are listed.
const maxListed = 200

// LogoutScope selects the sessions that a caller revokes at once.
type LogoutScope string

// The scopes that need a live access token. [Service.Logout] revokes the
// session of the token at hand.
const (
	ScopeOthers LogoutScope = "OTHERS"
	ScopeAll    LogoutScope = "ALL"
)

// Session returns the session that the caller's access token belongs to.
func (s *Service) Session(ctx context.Context, caller Caller, c Client) (_ Session, err error) {
	ctx, _, end, err := s.begin(ctx, StepSession, c)
	defer end(&err)
	if err != nil {
		return Session{}, err
	}
	sess, err := s.ownSession(ctx, caller.UserID, caller.SessionID)
	if errors.Is(err, ErrNotFound) {
		return Session{}, isMissing.err()
	}
	return sess, err
}

// ownSession returns a session of a user, live or not. It returns ErrNotFound
// if the user has no session of this id, even if another user has.
func (s *Service) ownSession(ctx context.Context, userID, id string) (Session, error) {
	st, err := s.sessionState(ctx, id, SecretHash{})
	if err != nil {
		return Session{}, err
	}
	if st.Session.UserID != userID {
		return Session{}, ErrNotFound
	}
	return st.Session, nil
}

// Sessions lists the caller's live sessions, newest first, at most 200.
func (s *Service) Sessions(ctx context.Context, caller Caller, c Client) (_ []Session, err error) {
	ctx, now, end, err := s.begin(ctx, StepSessions, c)
	defer end(&err)
	if err != nil {
		return nil, err
	}
	return s.liveSessions(ctx, caller.UserID, now, maxListed)
}

func (s *Service) liveSessions(ctx context.Context, userID string, now time.Time, limit int) ([]Session, error) {
	list, err := s.store.Sessions(ctx, userID, now, limit)
	if err != nil {
		return nil, fmt.Errorf("listing sessions: %w", err)
	}
	return list, nil
}

// RevokeSession revokes one of the caller's sessions and returns it as it is
// then. Revoking it again changes nothing. It returns CodeNotFound if the
// caller has no such session.
func (s *Service) RevokeSession(ctx context.Context, caller Caller, id string, c Client) (_ Session, err error) {
	ctx, now, end, err := s.begin(ctx, StepRevokeSession, c)
	defer end(&err)
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
	return s.ownSession(ctx, caller.UserID, id)
}

// EndSessions revokes the caller's other sessions, or all of them, and returns
// their number. Revoking all also stops logins in progress.
func (s *Service) EndSessions(ctx context.Context, caller Caller, scope LogoutScope, c Client) (_ int, err error) {
	ctx, now, end, err := s.begin(ctx, StepEndSessions, c)
	defer end(&err)
	if err != nil {
		return 0, err
	}
	change := EndSessions{UserID: caller.UserID, Reason: RevokedByLogout, At: now, RaiseEpoch: scope == ScopeAll}
	if scope == ScopeOthers {
		change.Except = caller.SessionID
	}
	return s.revokeSeveral(ctx, change, Event{
		Kind: EventLogout, At: now, UserID: caller.UserID, SessionID: caller.SessionID, Client: c, Detail: string(scope),
	})
}

// Logout revokes the session of a token, access or refresh, current or not. An
// expired token will do if its signature is valid. Logout returns the number of
// sessions that it revoked: 0 without a token, or if there was nothing to
// revoke, which is not an error (RFC 7009 section 2.2).
func (s *Service) Logout(ctx context.Context, token string, c Client) (_ int, err error) {
	ctx, now, end, err := s.begin(ctx, StepLogout, c)
	defer end(&err)
	if err != nil {
		return 0, err
	}
	_, claims, err := s.verifyAs(ctx, s.tokens.VerifyExpired, token, now, UseAccess, UseRefresh)
	if isRefusal(err) {
		return 0, s.countFailure(ctx, c, nil)
	}
	if err != nil {
		return 0, err
	}
	logSession(ctx, claims.SessionID)
	if err := s.allow(ctx, limitRefresh, claims.SessionID); err != nil {
		return 0, err
	}
	revoked, err := s.revoke(ctx, RevokedByLogout, Event{
		Kind: EventLogout, At: now, UserID: claims.User.ID, SessionID: claims.SessionID, Client: c, Detail: "THIS", Count: 1,
	})
	if errors.Is(err, ErrNotFound) || err == nil && !revoked {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// endReplaced revokes the session of a token that the client replaces by the
// pair of another session. The client has that pair already, so that a failure
// is not returned: it is logged, and reported as an event with Count 0.
func (s *Service) endReplaced(ctx context.Context, token, by string, now time.Time, c Client) {
	if token == "" {
		return
	}
	const failed = "revoking a replaced session failed"
	_, claims, err := s.verifyAs(ctx, s.tokens.VerifyExpired, token, now, UseAccess, UseRefresh)
	if isRefusal(err) || err == nil && claims.SessionID == by {
		return
	}
	if err != nil {
		s.warn(ctx, failed, err)
		return
	}
	e := Event{Kind: EventLogout, At: now, UserID: claims.User.ID, SessionID: claims.SessionID, Client: c, Detail: "REPLACED", Count: 1}
	if _, err := s.revoke(ctx, RevokedByLogout, e); err != nil && !errors.Is(err, ErrNotFound) {
		s.warn(ctx, failed, err)
		e.Count = 0
		s.events.Emit(ctx, e)
	}
}
