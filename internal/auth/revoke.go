package auth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

const (
	// maxInvalidations is how often revokeSeveral invalidates sessions that
	// were created since its last attempt.
	maxInvalidations = 5
	// revokeBatch limits the sessions that one statement revokes, so that no
	// statement takes long and no row is locked for long.
	revokeBatch = 500
	// maxRevokedAtOnce limits the sessions over MaxSessions that one login
	// revokes. It is usually one, and more after simultaneous logins or if
	// MaxSessions was lowered.
	maxRevokedAtOnce = 10
)

// errNotInvalidated rolls back a change that would revoke sessions whose
// tokens caches may still report as valid.
var errNotInvalidated = errors.New("sessions to be revoked are not invalidated yet")

// invalidateSessions invalidates all tokens of sessions that are about to be
// revoked.
func (s *Service) invalidateSessions(ctx context.Context, now time.Time, ids ...string) error {
	invalidations := make([]Invalidation, len(ids))
	for i, id := range ids {
		// The clock of another replica may be ahead, so that it may have issued
		// tokens a moment after now.
		invalidations[i] = Invalidation{SessionID: id, Until: now.Add(s.settings.AccessTTL + s.settings.ClockLeeway)}
	}
	return s.cache.Invalidate(ctx, invalidations...)
}

// prepareRevoking must come before the clock is read for a change that revokes
// sessions. The first invalidation of a command may take seconds, and followers
// of the blacklist look for changes only so far back.
func (s *Service) prepareRevoking(ctx context.Context) error {
	if err := s.cache.Invalidate(ctx); err != nil {
		return fmt.Errorf("preparing to revoke sessions: %w", err)
	}
	return nil
}

// revoke revokes the session of the event, and emits the event if this call
// revoked it. It returns ErrNotFound if the user has no such session.
func (s *Service) revoke(ctx context.Context, reason string, e Event) (bool, error) {
	if !canonicalID(e.SessionID) || !canonicalID(e.UserID) {
		return false, ErrNotFound
	}
	if err := s.invalidateSessions(ctx, e.At, e.SessionID); err != nil {
		return false, err
	}
	revoked, err := s.store.RevokeSession(ctx, e.UserID, e.SessionID, reason, e.At, &e)
	if err != nil {
		return false, fmt.Errorf("revoking a session: %w", err)
	}
	if revoked {
		s.events.Emit(ctx, e)
	}
	return revoked, nil
}

// revokeQuietly revokes the session of the event. It logs a failure as message,
// emits the event with Count 0 and returns false. It returns true also if there
// is no such session.
func (s *Service) revokeQuietly(ctx context.Context, message, reason string, e Event) bool {
	_, err := s.revoke(ctx, reason, e)
	if err == nil || errors.Is(err, ErrNotFound) {
		return true
	}
	s.warn(ctx, message, err)
	e.Count = 0
	s.events.Emit(ctx, e)
	return false
}

// revokeSeveral revokes sessions of one user, emits the event with their number
// as its Count, and returns that number. The sessions must be invalidated before
// the change commits, and outside of its transaction: invalidating may need the
// database, and SQLite has one writer. Each attempt that finds sessions which are
// not invalidated yet is rolled back.
func (s *Service) revokeSeveral(ctx context.Context, change EndSessions, e Event) (int, error) {
	invalidated := map[string]bool{}
	var missing []string
	change.BeforeCommit = func(_ context.Context, ids []string) error {
		missing = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return invalidated[id] })
		if len(missing) > 0 {
			return errNotInvalidated
		}
		return nil
	}
	for range maxInvalidations {
		ids, err := s.store.EndSessions(ctx, change, &e)
		if err == nil {
			e.Count = len(ids)
			s.events.Emit(ctx, e)
			return len(ids), nil
		}
		if !errors.Is(err, errNotInvalidated) {
			return 0, fmt.Errorf("revoking sessions: %w", err)
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

// enforceMaxSessions revokes the sessions of a user that exceed MaxSessions,
// those first that were unused for longest (OWASP ASVS 7.1.2). It never revokes
// own, the session of the login that exceeds the maximum: other sessions may
// seem newer, because the clocks of their replicas were ahead. A failure is
// logged, and the next login tries again.
//
// others is the number of the user's other sessions, without those of logins at
// the same time. The store is asked if maxRevokedAtOnce logins together could
// exceed the maximum.
func (s *Service) enforceMaxSessions(ctx context.Context, userID, own string, others int, now time.Time, c Client) {
	if s.settings.MaxSessions == 0 || others+maxRevokedAtOnce <= s.settings.MaxSessions {
		return
	}
	ids, err := s.store.SurplusSessions(ctx, userID, own, now, s.settings.MaxSessions-1, maxRevokedAtOnce)
	if err != nil {
		s.warn(ctx, "finding the sessions over MAX_SESSIONS failed", err)
		return
	}
	for _, id := range ids {
		if !s.revokeQuietly(ctx, "revoking a session over MAX_SESSIONS failed", RevokedByLimit, Event{
			Kind: EventSessionRevoked, At: now, UserID: userID, SessionID: id, Client: c, Detail: RevokedByLimit, Count: 1,
		}) {
			return
		}
	}
}

// EndAllSessions revokes the sessions of all users that were created before a
// moment, or all sessions if it is zero. It returns how many of them were live,
// also with an error, after which it can be called again. progress, unless nil,
// is called with the number so far. It returns CodeBadUserInput for a moment in
// the future. It is for administrators, in particular after a restore.
//
// Logins continue meanwhile: a session that is created after the call began may
// remain.
func (s *Service) EndAllSessions(ctx context.Context, before time.Time, c Client, progress func(revoked int)) (int, error) {
	if err := s.CheckClock(ctx); err != nil {
		return 0, err
	}
	if err := s.prepareRevoking(ctx); err != nil {
		return 0, err
	}
	now := s.now()
	if before.After(now) {
		return 0, BadInput("before", "the time must not be in the future")
	}
	if before.IsZero() {
		before = now.Add(s.settings.ClockLeeway) // the clock of a replica may be ahead
	}
	revoked, err := s.revokeAll(ctx, before, c, progress)
	if revoked > 0 {
		e := Event{Kind: EventSessionRevoked, At: now, Client: c, Detail: "ALL", Count: revoked}
		s.events.Emit(ctx, e)
		s.record(ctx, e)
	}
	return revoked, err
}

// revokeAll revokes batch after batch, each invalidated before and with a time
// of its own: followers of the blacklist look for changes only so far back. The
// journal of each user gets an event.
func (s *Service) revokeAll(ctx context.Context, before time.Time, c Client, progress func(revoked int)) (revoked int, err error) {
	for after := ""; ; {
		ids, err := s.store.SessionsBegunBefore(ctx, before, after, revokeBatch)
		if err != nil {
			return revoked, fmt.Errorf("listing old sessions: %w", err)
		}
		if len(ids) == 0 {
			return revoked, nil
		}
		now := s.now()
		if err := s.invalidateSessions(ctx, now, ids...); err != nil {
			return revoked, err
		}
		live, err := s.store.RevokeSessions(ctx, ids, RevokedByOperator, now,
			&Event{Kind: EventSessionRevoked, At: now, Client: c, Detail: RevokedByOperator, Count: 1})
		if err != nil {
			return revoked, fmt.Errorf("revoking sessions: %w", err)
		}
		revoked, after = revoked+len(live), ids[len(ids)-1]
		if progress != nil {
			progress(revoked)
		}
	}
}
