package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	journalPage    = 20
	maxJournalPage = 100
)

// Journal stores events in SQL, for the users that they concern and for
// operators. A change stores its event in its own transaction (see Store).
// Record is for attempts that changed nothing.
type Journal interface {
	// Record stores one event. CodeUnavailable.
	Record(ctx context.Context, e Event) error
	// Recorded lists stored events.
	Recorded(ctx context.Context, q JournalQuery) ([]RecordedEvent, error)
}

// RecordedEvent is an event that the journal stores. The journal stores all
// fields of its Client.
type RecordedEvent struct {
	ID string // UUID, lower case, made from the time: ids have the order of At
	Event
}

// JournalQuery selects the events to list, newest first.
type JournalQuery struct {
	UserID string      // only of this user, or empty
	ID     string      // only the event with this id, or empty
	Kinds  []EventKind // only of these kinds, or empty
	Since  time.Time   // only from this time on, or zero
	// OlderThan and NewerThan are ids of events that bound the list. The events
	// themselves may be deleted. Empty: no bound.
	OlderThan, NewerThan string
	Limit                int
	// Oldest selects the oldest events instead of the newest ones, if there are
	// more than Limit.
	Oldest bool
}

// Page selects a part of a list: the First entries after After, or the Last
// ones before Before. Without First and Last, it is the first 20.
type Page struct {
	First, Last   *int   // 0 to 100; at most one of them
	After, Before string // ids, whose entries may be deleted; empty: no bound
}

// EventPage is a part of a user's events, newest first.
type EventPage struct {
	Events []RecordedEvent
	// HasPrevious and HasNext report whether there are newer events, and older
	// ones, as in the Relay Cursor Connections.
	HasPrevious, HasNext bool
}

// Journal lists events of all users. It is for administrators.
func (s *Service) Journal(ctx context.Context, q JournalQuery) ([]RecordedEvent, error) {
	events, err := s.store.Recorded(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	return events, nil
}

// SecurityEvents lists the caller's own events. It returns CodeBadUserInput for
// an invalid page.
func (s *Service) SecurityEvents(ctx context.Context, caller Caller, p Page, c Client) (page EventPage, err error) {
	ctx, _, end, err := s.begin(ctx, StepSecurityEvents, c)
	defer end(&err)
	if err != nil {
		return EventPage{}, err
	}
	limit, err := p.limit()
	if err != nil {
		return EventPage{}, err
	}
	q := JournalQuery{UserID: caller.UserID, OlderThan: p.After, NewerThan: p.Before, Limit: limit + 1, Oldest: p.Last != nil}
	events, err := s.Journal(ctx, q)
	if err != nil {
		return EventPage{}, err
	}
	more := len(events) > limit
	if q.Oldest {
		page = EventPage{Events: events[max(0, len(events)-limit):], HasPrevious: more}
		page.HasNext, err = s.hasEvent(ctx, q.UserID, p.Before, q.Oldest)
	} else {
		page = EventPage{Events: events[:min(len(events), limit)], HasNext: more}
		page.HasPrevious, err = s.hasEvent(ctx, q.UserID, p.After, q.Oldest)
	}
	return page, err
}

// hasEvent reports whether there are events on the other side of a cursor. The
// cursor's own event counts.
func (s *Service) hasEvent(ctx context.Context, userID, cursor string, older bool) (bool, error) {
	if cursor == "" {
		return false, nil
	}
	outermost, err := s.Journal(ctx, JournalQuery{UserID: userID, Limit: 1, Oldest: older})
	if err != nil || len(outermost) == 0 {
		return false, err
	}
	if older {
		return outermost[0].ID <= cursor, nil
	}
	return outermost[0].ID >= cursor, nil
}

// limit returns the greatest number of events of the page.
func (p Page) limit() (int, error) {
	switch {
	case p.First != nil && p.Last != nil:
		return 0, BadInput("last", "first and last cannot both be given")
	case p.After != "" && !canonicalID(p.After):
		return 0, BadInput("after", "cursor is not one of ours")
	case p.Before != "" && !canonicalID(p.Before):
		return 0, BadInput("before", "cursor is not one of ours")
	case p.First != nil:
		return bounded("first", *p.First)
	case p.Last != nil:
		return bounded("last", *p.Last)
	}
	return journalPage, nil
}

func bounded(field string, n int) (int, error) {
	if n < 0 || n > maxJournalPage {
		return 0, BadInput(field, fmt.Sprintf("%s must be 0 to %d", field, maxJournalPage))
	}
	return n, nil
}

// inSample reports whether the journal records a failed attempt. subject is the
// e-mail address or the session that was tried. It counts whether or not it
// exists, so that the work is the same.
func (s *Service) inSample(ctx context.Context, l limitID, subject string, c Client) bool {
	address := AddressKey(c.Address)
	return allow(ctx, s.limiter, s.limits.check(l, subject), s.limits.check(limitJournalAddress, address), s.limits.check(limitJournal, "")) == nil
}

// failed emits the event of a failed attempt, and records it unless the sample
// is full.
func (s *Service) failed(ctx context.Context, e Event, subject string) {
	s.events.Emit(ctx, e)
	if !s.inSample(ctx, limitJournalSubject, subject, e.Client) {
		s.leftOut(ctx, e)
		return
	}
	s.record(ctx, e)
}

// toRecord returns the event of a change for the store, which records it with the
// change. It returns nil if the user's sample of this kind is full: successful
// calls in a loop must not fill the disk either. Pass it to changed after the
// change.
func (s *Service) toRecord(ctx context.Context, e *Event) *Event {
	if e.mayBeSampled() && s.allow(ctx, limitJournalUser, string(e.Kind)+" "+e.UserID) != nil {
		return nil
	}
	return e
}

// changed emits the event of a change. recorded is what toRecord returned.
func (s *Service) changed(ctx context.Context, e Event, recorded *Event) {
	s.events.Emit(ctx, e)
	if recorded == nil {
		s.leftOut(ctx, e)
	}
	s.mailed(recorded)
}

// leftOut counts an event that the journal does not record.
func (s *Service) leftOut(ctx context.Context, e Event) {
	e.Kind, e.Detail = EventJournalSampled, string(e.Kind)
	s.events.Emit(ctx, e)
}

// record records an event that no change records. If that fails, the caller's
// answer stays the same. A client that disconnects cannot prevent it, but the
// answer does not wait for it beyond the time limit of the request.
func (s *Service) record(ctx context.Context, e Event) {
	ctx, cancel := connected(ctx)
	defer cancel()
	if err := s.store.Record(ctx, e); err != nil {
		s.warn(ctx, journalFailed, err)
		lost := e
		lost.Kind, lost.Detail = EventJournalLost, string(e.Kind)
		s.events.Emit(ctx, lost)
	}
}

// connected returns a context with the deadline of ctx that does not end when the
// client disconnects.
func connected(ctx context.Context) (context.Context, context.CancelFunc) {
	deadline, limited := ctx.Deadline()
	ctx = context.WithoutCancel(ctx)
	if !limited {
		return ctx, func() {}
	}
	return context.WithDeadline(ctx, deadline)
}

const journalFailed = "recording an event in the journal failed"

// attemptLimited reports that attempts at the password of an account are
// limited. The event is a sample in the log, too, so that an attacker cannot fill
// it.
func (s *Service) attemptLimited(ctx context.Context, account string, now time.Time, c Client) {
	if !s.inSample(ctx, limitJournalLimited, account, c) {
		return
	}
	u, _, err := s.store.UserByEmailKey(ctx, account)
	if err != nil && !errors.Is(err, ErrNotFound) {
		s.warn(ctx, journalFailed, err)
		return
	}
	e := Event{Kind: EventLoginLimited, At: now, UserID: u.ID, Client: c}
	s.events.Emit(ctx, e)
	s.record(ctx, e)
}
