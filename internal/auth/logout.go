package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// Logout ends the session of a token, access or refresh, current or not, even
// an expired one if its signature holds. It returns how many sessions ended:
// 0 when there was nothing to end, no token included, which is no error
// (RFC 7009 section 2.2).
func (s *Service) Logout(ctx context.Context, token string, c Client) (_ int, err error) {
	ctx, end := observe(ctx, s.observer, StepLogout, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return 0, err
	}
	claims, ok, err := s.signedBySelf(ctx, token, now)
	if err != nil {
		return 0, err
	}
	if !ok {
		return 0, s.countFailure(ctx, c, nil)
	}
	logSession(ctx, claims.SessionID)
	if err := s.allow(ctx, refreshLimit(), claims.SessionID); err != nil {
		return 0, err
	}
	ended, err := s.revoke(ctx, RevokedByLogout, Event{
		Kind: EventLogout, At: now, UserID: claims.User.ID, SessionID: claims.SessionID, Client: c, Detail: "THIS", Count: 1,
	})
	if errors.Is(err, ErrNotFound) || err == nil && !ended {
		return 0, nil
	}
	if err != nil {
		return 0, err
	}
	return 1, nil
}

// endReplaced ends the session of a token that a pair of another session takes
// the place of. That pair is there already: trouble takes it from nobody, it
// only shows in the log, and in the event with a count of 0.
func (s *Service) endReplaced(ctx context.Context, token, by string, now time.Time, c Client) {
	if token == "" {
		return
	}
	const failed = "a replaced session could not be ended"
	claims, ok, err := s.signedBySelf(ctx, token, now)
	if err != nil {
		s.warn(ctx, failed, err)
		return
	}
	if !ok || claims.SessionID == by {
		return
	}
	e := Event{Kind: EventLogout, At: now, UserID: claims.User.ID, SessionID: claims.SessionID, Client: c, Detail: "REPLACED", Count: 1}
	if _, err := s.revoke(ctx, RevokedByLogout, e); err != nil && !errors.Is(err, ErrNotFound) {
		s.warn(ctx, failed, err)
		e.Count = 0
		s.events.Emit(ctx, e)
	}
}

// signedBySelf verifies a token of either use, expired or not. Trouble with the
// clock is an error, lest a good token should end nothing.
func (s *Service) signedBySelf(ctx context.Context, token string, now time.Time) (Claims, bool, error) {
	_, claims, err := s.verifyAs(ctx, s.tokens.VerifyExpired, token, now, UseAccess, UseRefresh)
	if isRefusal(err) {
		return Claims{}, false, nil
	}
	return claims, err == nil, err
}

// revoke ends one session, that of the event, which it tells if this call ended
// it. ErrNotFound when the user has no such session.
func (s *Service) revoke(ctx context.Context, reason string, e Event) (bool, error) {
	if !canonicalID(e.SessionID) || !canonicalID(e.UserID) {
		return false, ErrNotFound
	}
	if err := s.invalidateSessions(ctx, e.At, e.SessionID); err != nil {
		return false, err
	}
	ended, err := s.store.RevokeSession(ctx, e.UserID, e.SessionID, reason, e.At, e)
	if err != nil {
		return false, fmt.Errorf("ending a session: %w", err)
	}
	if ended {
		s.events.Emit(ctx, e)
	}
	return ended, nil
}

// EndSessions ends the caller's other sessions, or all of them. It returns how
// many. All of them stops logins under way, too.
func (s *Service) EndSessions(ctx context.Context, caller Caller, scope LogoutScope, c Client) (_ int, err error) {
	ctx, end := observe(ctx, s.observer, StepEndSessions, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return 0, err
	}
	change := EndSessions{UserID: caller.UserID, Reason: RevokedByLogout, At: now, RaiseEpoch: scope == ScopeAll}
	if scope == ScopeOthers {
		change.Except = caller.SessionID
	}
	return s.endSessions(ctx, change, Event{
		Kind: EventLogout, At: now, UserID: caller.UserID, SessionID: caller.SessionID, Client: c, Detail: string(scope),
	})
}

// maxEndings is how often endSessions looks for sessions that began meanwhile.
const maxEndings = 5

// errNotInvalidated rolls a change back that would end sessions nobody was told to
// doubt.
var errNotInvalidated = errors.New("sessions that are about to end are not noted yet")

// endSessions ends sessions, tells the event with their number, and returns
// that. It doubts the sessions before the change that ends them commits,
// and outside of its transaction: noting may need the database, and SQLite has
// one writer. The first try finds out which sessions those are.
func (s *Service) endSessions(ctx context.Context, change EndSessions, e Event) (int, error) {
	invalidated := map[string]bool{}
	var missing []string
	change.BeforeCommit = func(_ context.Context, ids []string) error {
		missing = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return invalidated[id] })
		if len(missing) > 0 {
			return errNotInvalidated
		}
		return nil
	}
	for range maxEndings {
		ids, err := s.store.EndSessions(ctx, change, e)
		if err == nil {
			e.Count = len(ids)
			s.events.Emit(ctx, e)
			return len(ids), nil
		}
		if !errors.Is(err, errNotInvalidated) {
			return 0, fmt.Errorf("ending sessions: %w", err)
		}
		if err := s.invalidateSessions(ctx, change.At, missing...); err != nil {
			return 0, err
		}
		for _, id := range missing {
			invalidated[id] = true
		}
	}
	return 0, Unavailable(errNotInvalidated)
}
