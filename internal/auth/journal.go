package auth

import (
	"context"
	"errors"
	"time"
)

// Journal keeps events in SQL, for those whom they concern and for operators.
// What is done keeps its event in the same transaction (see Store); Record is
// for what was only tried.
type Journal interface {
	// Record keeps one event. CodeUnavailable.
	Record(ctx context.Context, e Event) error
	// Recorded lists kept events.
	Recorded(ctx context.Context, q JournalQuery) ([]RecordedEvent, error)
}

// RecordedEvent is an event of the journal. Its Client has no more than the
// journal keeps: everything, that is.
type RecordedEvent struct {
	ID string // UUID, lower case, made of the time: the order of ids is that of At
	Event
}

// JournalQuery says which events to list, newest first.
type JournalQuery struct {
	UserID string      // of this user; empty: of everybody and nobody
	Kinds  []EventKind // of these kinds; none: of all
	Since  time.Time   // not older; zero: however old
	// OlderThan and NewerThan are ids of events, which need not be there any
	// more: only events before, or after, them. Empty: no bound.
	OlderThan, NewerThan string
	Limit                int
	// Oldest takes the oldest ones of those when there are more than Limit.
	Oldest bool
}

// Journal lists events of anybody. For administrators.
func (s *Service) Journal(ctx context.Context, q JournalQuery) ([]RecordedEvent, error) {
	return s.recorded(ctx, q)
}

// sampled reports whether something that failed goes into the journal. subject
// is what it was tried at, there or not: whether an account exists changes
// nothing of what is done.
func (s *Service) sampled(ctx context.Context, l Limit, subject string, c Client) bool {
	return allow(ctx, s.limiter, Check{l, subject}, Check{journalAddressLimit(), AddressKey(c.Address)}, Check{journalLimit(), ""}) == nil
}

// failed tells of something that failed, and keeps it while the sample is not
// full.
func (s *Service) failed(ctx context.Context, e Event, subject string) {
	s.events.Emit(ctx, e)
	if s.sampled(ctx, journalSubjectLimit(), subject, e.Client) {
		s.keep(ctx, e)
	}
}

// keep writes an event for itself. Who asked is answered as ever when it cannot
// be written, and cannot keep it out of the journal by going away.
func (s *Service) keep(ctx context.Context, e Event) {
	if err := s.store.Record(context.WithoutCancel(ctx), e); err != nil {
		s.warn(ctx, "an event could not be kept in the journal", err)
		lost := e
		lost.Kind, lost.Detail = EventJournalLost, string(e.Kind)
		s.events.Emit(ctx, lost)
	}
}

// attemptLimited tells that guesses at an account are slowed down. It is a
// sample throughout: an attacker must not fill the log either.
func (s *Service) attemptLimited(ctx context.Context, account string, now time.Time, c Client) {
	if !s.sampled(ctx, journalLimitedLimit(), account, c) {
		return
	}
	u, _, err := s.store.UserByEmailKey(ctx, account)
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.warn(ctx, "an event could not be kept in the journal", err)
		return
	}
	e := Event{Kind: EventLoginLimited, At: now, UserID: u.ID, Client: c}
	s.events.Emit(ctx, e)
	s.keep(ctx, e)
}
