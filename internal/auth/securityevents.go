package auth

import (
	"context"
	"fmt"
)

const (
	journalPage    = 20
	maxJournalPage = 100
)

// Page is a part of a list: the First ones after After, or the Last ones before
// Before. With neither First nor Last it is the first 20.
type Page struct {
	First, Last   *int   // 0 to 100; one of them at most
	After, Before string // ids, which need not be there any more; empty: no bound
}

// EventPage is a part of somebody's events, newest first.
type EventPage struct {
	Events []RecordedEvent
	// HasPrevious and HasNext are as the Relay Cursor Connections say: whether
	// there are newer ones, and older ones.
	HasPrevious, HasNext bool
}

// SecurityEvents lists the caller's own events. CodeBadUserInput for a page
// that cannot be.
func (s *Service) SecurityEvents(ctx context.Context, caller Caller, p Page, c Client) (page EventPage, err error) {
	ctx, end := observe(ctx, s.observer, StepSecurityEvents, c)
	defer end(&err)
	limit, err := p.limit()
	if err != nil {
		return EventPage{}, err
	}
	q := JournalQuery{UserID: caller.UserID, OlderThan: p.After, NewerThan: p.Before, Limit: limit + 1, Oldest: p.Last != nil}
	events, err := s.recorded(ctx, q)
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

// hasEvent reports whether there is anything on the other side of a cursor, the
// cursor's own event included.
func (s *Service) hasEvent(ctx context.Context, userID, cursor string, older bool) (bool, error) {
	if cursor == "" {
		return false, nil
	}
	utmost, err := s.recorded(ctx, JournalQuery{UserID: userID, Limit: 1, Oldest: older})
	if err != nil || len(utmost) == 0 {
		return false, err
	}
	if older {
		return utmost[0].ID <= cursor, nil
	}
	return utmost[0].ID >= cursor, nil
}

func (s *Service) recorded(ctx context.Context, q JournalQuery) ([]RecordedEvent, error) {
	events, err := s.store.Recorded(ctx, q)
	if err != nil {
		return nil, fmt.Errorf("reading the journal: %w", err)
	}
	return events, nil
}

// limit is how many events the page has at most.
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
