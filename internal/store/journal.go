package store

import (
	"context"
	"slices"
	"strings"

	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/models"
)

// Record implements [auth.Journal].
func (s *Store) Record(ctx context.Context, e auth.Event) error {
	const doing = "recording an event"
	if len(e.Mails) == 0 {
		return fail(doing, s.write.run(ctx, func(db *gorm.DB) error { return record(db, []auth.Event{e}) }))
	}
	return fail(doing, s.transaction(ctx, func(tx *gorm.DB) error { return record(tx, []auth.Event{e}) }))
}

// record inserts events into the journal and their mails into the outbox, in the
// transaction of their cause. The id of a row sorts by time, whichever replica
// creates it.
func record(tx *gorm.DB, events []auth.Event) error {
	if len(events) == 0 {
		return nil
	}
	rows := make([]models.SecurityEvent, len(events))
	for i, e := range events {
		row, err := eventRow(e)
		if err != nil {
			return err
		}
		rows[i] = row
	}
	if err := tx.Create(&rows).Error; err != nil {
		return err
	}
	return addMails(tx, events...)
}

func eventRow(e auth.Event) (models.SecurityEvent, error) {
	c := e.Client
	err := checkText(string(e.Kind), string(c.Transport), c.Address, c.UserAgent, c.RequestID, c.Actor, e.Detail)
	return models.SecurityEvent{
		ID: auth.NewID(e.At).String(), At: micros(e.At), Kind: string(e.Kind), UserID: idPtr(e.UserID), SessionID: idPtr(e.SessionID),
		Actor: c.Who(), Transport: string(c.Transport), Address: c.Address, UserAgent: c.UserAgent, RequestID: c.RequestID,
		Detail: e.Detail, Count: int64(e.Count),
	}, err
}

// forEach returns the event, if there is one, once for each revoked session.
func forEach(rows []revokedRow, e *auth.Event) (list []auth.Event) {
	if e == nil {
		return nil
	}
	for _, row := range rows {
		event := *e
		event.UserID, event.SessionID = row.UserID, row.ID
		list = append(list, event)
	}
	return list
}

// eventsIf returns the event of a change, if there is one and the change
// happened.
func eventsIf(happened bool, e *auth.Event) []auth.Event {
	if !happened || e == nil {
		return nil
	}
	return []auth.Event{*e}
}

// counted returns the event, if there is one, with the number of sessions that
// were revoked.
func counted(e *auth.Event, n int) []auth.Event {
	events := eventsIf(true, e)
	for i := range events {
		events[i].Count = n
	}
	return events
}

// Recorded implements [auth.Journal].
func (s *Store) Recorded(ctx context.Context, q auth.JournalQuery) ([]auth.RecordedEvent, error) {
	if q.UserID != "" && !isID(q.UserID) || q.ID != "" && !isID(q.ID) {
		return nil, nil
	}
	where, p := eventCondition(q)
	order := "DESC"
	if q.Oldest {
		order = "ASC"
	}
	rows, err := query[models.SecurityEvent](ctx, s, `SELECT `+eventColumns+` FROM security_events
		WHERE `+where+` ORDER BY id `+order+` LIMIT @limit`, p)
	if err != nil {
		return nil, fail("reading the journal", err)
	}
	events := values(rows, func(r models.SecurityEvent) auth.RecordedEvent {
		e := auth.RecordedEvent{ID: r.ID, Event: auth.Event{
			Kind: auth.EventKind(r.Kind), At: fromMicros(r.At), Detail: r.Detail, Count: int(r.Count),
			Client: auth.Client{
				Address: r.Address, UserAgent: r.UserAgent, RequestID: r.RequestID, Transport: auth.Transport(r.Transport), Actor: r.Actor,
			},
		}}
		if r.UserID != nil {
			e.UserID = *r.UserID
		}
		if r.SessionID != nil {
			e.SessionID = *r.SessionID
		}
		return e
	})
	if q.Oldest {
		slices.Reverse(events)
	}
	return events, nil
}

func eventCondition(q auth.JournalQuery) (where string, p params) {
	and := []string{"id > @newer", "id < @older"}
	p = params{"newer": auth.MinID, "older": auth.MaxID, "limit": q.Limit}
	if isID(q.NewerThan) {
		p["newer"] = q.NewerThan
	}
	if isID(q.OlderThan) {
		p["older"] = q.OlderThan
	}
	if q.UserID != "" {
		and = append(and, "user_id = @user")
		p["user"] = q.UserID
	}
	if q.ID != "" {
		and = append(and, "id = @id")
		p["id"] = q.ID
	}
	if len(q.Kinds) > 0 {
		and = append(and, "kind IN @kinds")
		p["kinds"] = q.Kinds
	}
	if !q.Since.IsZero() {
		and = append(and, "id >= @since")
		p["since"] = auth.FirstID(q.Since).String()
	}
	return strings.Join(and, " AND "), p
}

// idPtr returns nil, which is stored as NULL, for anything but an id.
func idPtr(id string) *string {
	if !isID(id) {
		return nil
	}
	return &id
}
