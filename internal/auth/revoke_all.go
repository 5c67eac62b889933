package auth

import (
	"context"
	"fmt"
	"time"
)

// endingBatch is how many sessions one statement ends at most, so that none
// takes long and no row is held long.
const endingBatch = 500

// EndAllSessions ends everybody's sessions that began before a moment, all of
// them when that is zero, and returns how many were live; also with an error,
// after which it may be called again. progress, unless nil, is called with the
// number so far. For administrators, after a restore above all. CodeBadUserInput
// when the moment has not come yet.
//
// Logins go on meanwhile: a session that begins after the call may stay.
func (s *Service) EndAllSessions(ctx context.Context, before time.Time, c Client, progress func(ended int)) (int, error) {
	if err := s.CheckClock(ctx); err != nil {
		return 0, err
	}
	if err := s.prepareEnding(ctx); err != nil {
		return 0, err
	}
	now := s.now()
	if before.After(now) {
		return 0, BadInput("before", "the time must not be in the future")
	}
	if before.IsZero() {
		before = now.Add(s.settings.ClockLeeway) // a replica's clock may be ahead
	}
	ended, err := s.endAll(ctx, before, c, progress)
	if ended > 0 {
		e := Event{Kind: EventSessionRevoked, At: now, Client: c, Detail: "ALL", Count: ended}
		s.events.Emit(ctx, e)
		s.keep(ctx, e)
	}
	return ended, err
}

// endAll doubts a batch before it ends it. Each has a time of its own: who
// follows the blacklist looks back only so far. Whose session it was finds it
// in the journal.
func (s *Service) endAll(ctx context.Context, before time.Time, c Client, progress func(ended int)) (ended int, err error) {
	for after := ""; ; {
		ids, err := s.store.SessionsBegunBefore(ctx, before, after, endingBatch)
		if err != nil {
			return ended, fmt.Errorf("listing old sessions: %w", err)
		}
		if len(ids) == 0 {
			return ended, nil
		}
		now := s.now()
		if err := s.invalidateSessions(ctx, now, ids...); err != nil {
			return ended, err
		}
		live, err := s.store.RevokeSessions(ctx, ids, RevokedByOperator, now,
			Event{Kind: EventSessionRevoked, At: now, Client: c, Detail: RevokedByOperator, Count: 1})
		if err != nil {
			return ended, fmt.Errorf("ending sessions: %w", err)
		}
		ended, after = ended+len(live), ids[len(ids)-1]
		if progress != nil {
			progress(ended)
		}
	}
}
