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

// revoke revokes the session of the event, and emits the event and sends the mails
// if this call revoked it. It returns ErrNotFound if the user has no such session.
func (s *Service) revoke(ctx context.Context, reason string, e Event, mails ...Mail) (bool, error) {
	if !canonicalID(e.SessionID) || !canonicalID(e.UserID) {
		return false, ErrNotFound
	}
	if err := s.invalidateSessions(ctx, e.At, e.SessionID); err != nil {
		return false, err
	}
	recorded := s.withMail(ctx, s.toRecord(ctx, &e), mails...)
	revoked, err := s.store.RevokeSession(ctx, e.UserID, e.SessionID, reason, e.At, recorded)
	if err != nil {
		return false, fmt.Errorf("revoking a session: %w", err)
	}
	if revoked {
		s.changed(ctx, e, recorded)
	}
	return revoked, nil
}

// revokeSeveral revokes sessions of one user, emits the event with their number
// as its Count, sends the mails, and returns that number.
func (s *Service) revokeSeveral(ctx context.Context, change EndSessions, e Event, mails ...Mail) (int, error) {
	return s.revokeRecorded(ctx, change, e, s.withMail(ctx, s.toRecord(ctx, &e), mails...))
}

// revokeRecorded is revokeSeveral with the event for the store.
func (s *Service) revokeRecorded(ctx context.Context, change EndSessions, e Event, recorded *Event) (int, error) {
	var ids []string
	err := s.invalidatingFirst(ctx, change.At, func(before beforeCommit) (err error) {
		change.BeforeCommit = before
		ids, err = s.store.EndSessions(ctx, change, recorded)
		return err
	})
	if err != nil {
		return 0, err
	}
	e.Count = len(ids)
	s.changed(ctx, e, recorded)
	return len(ids), nil
}

type beforeCommit = func(ctx context.Context, sessionIDs []string) error

// invalidatingFirst makes a change that learns in its transaction which sessions
// it revokes. The sessions must be invalidated before the change commits, and
// outside of its transaction: invalidating may need the database, and SQLite has
// one writer. Each attempt that finds sessions which are not invalidated yet is
// rolled back.
func (s *Service) invalidatingFirst(ctx context.Context, at time.Time, change func(before beforeCommit) error) error {
	invalidated := map[string]bool{}
	var missing []string
	before := func(_ context.Context, ids []string) error {
		missing = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return invalidated[id] })
		if len(missing) > 0 {
			return errNotInvalidated
		}
		return nil
	}
	for range maxInvalidations {
		err := change(before)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errNotInvalidated) {
			return fmt.Errorf("revoking sessions: %w", err)
		}
		if err := s.invalidateSessions(ctx, at, missing...); err != nil {
			return err
		}
		for _, id := range missing {
			invalidated[id] = true
		}
	}
	return Unavailable(errNotInvalidated)
}

// enforceMaxSessions revokes the sessions of a user that exceed MaxSessions,
// those first that were unused for longest (OWASP ASVS 7.1.2). others is the
// number of sessions that the login found besides its own.
//
// It never revokes own, the session of the login: other sessions may seem newer,
// because the clocks of their replicas were ahead. It revokes nothing if another
// login has revoked own. Both are judged in the order of the user's row lock, so
// that simultaneous logins do not revoke each other's sessions, and leave exactly
// MaxSessions. A failure is logged, and the next login tries again.
func (s *Service) enforceMaxSessions(ctx context.Context, userID, own string, others int, now time.Time, c Client) {
	if s.settings.MaxSessions == 0 || others < s.settings.MaxSessions {
		return
	}
	surplus := SurplusSessions{
		UserID: userID, Own: own, Keep: s.settings.MaxSessions - 1, Limit: revokeBatch, Reason: RevokedByLimit, At: now,
	}
	e := Event{Kind: EventSessionRevoked, At: now, UserID: userID, Client: c, Detail: RevokedByLimit, Count: 1}
	for revoked := revokeBatch; revoked == revokeBatch; { // more than one batch only after MaxSessions was lowered
		var ids []string
		recorded := s.toRecord(ctx, &e)
		err := s.invalidatingFirst(ctx, now, func(before beforeCommit) (err error) {
			surplus.BeforeCommit = before
			ids, err = s.store.RevokeSurplus(ctx, surplus, recorded)
			return err
		})
		if err != nil {
			s.warn(ctx, "revoking the sessions over MAX_SESSIONS failed", err)
			return
		}
		for _, e.SessionID = range ids {
			s.changed(ctx, e, recorded)
		}
		revoked = len(ids)
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
