package store

import (
	"context"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/models"
)

// Record implements [auth.Journal].
func (s *Store) Record(ctx context.Context, e auth.Event) error {
	ctx, cancel := s.write.bounded(ctx)
	defer cancel()
	return fail("keep an event", retry(ctx, func() error { return keep(s.write.WithContext(ctx), []auth.Event{e}) }))
}

// keep inserts events, in the transaction of what they tell of.
func keep(tx *gorm.DB, events []auth.Event) error {
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
	return tx.Create(&rows).Error
}

// execKeeping is exec, and keeps events if it changed something.
func (s *Store) execKeeping(ctx context.Context, kept []auth.Event, statement string, p params) (n int64, err error) {
	if len(kept) == 0 {
		return s.exec(ctx, statement, p)
	}
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(statement, p)
		if n = done.RowsAffected; n == 0 || done.Error != nil {
			return done.Error
		}
		return keep(tx, kept)
	})
	return n, err
}

// queryKeeping is query, and keeps the events that the rows tell of.
func queryKeeping[T any](
	ctx context.Context, s *Store, statement string, p params, fields func(*T) []any, told func([]T) []auth.Event,
) (list []T, err error) {
	err = s.transaction(ctx, func(tx *gorm.DB) (err error) {
		if list, err = collect(tx, statement, p, fields); err != nil {
			return err
		}
		return keep(tx, told(list))
	})
	return list, err
}

func onlyIf(happened bool, kept []auth.Event) []auth.Event {
	if happened {
		return kept
	}
	return nil
}

// counted returns events with the number of sessions that ended.
func counted(kept []auth.Event, n int) []auth.Event {
	kept = slices.Clone(kept)
	for i := range kept {
		kept[i].Count = n
	}
	return kept
}

// eachOf returns an event for each session that was live.
func eachOf(kept []auth.Event, all []ended, at time.Time) (each []auth.Event) {
	for _, e := range kept {
		for _, s := range all {
			if s.live(micros(at)) {
				e.UserID, e.SessionID = s.user, s.id
				each = append(each, e)
			}
		}
	}
	return each
}

func eventColumns() []string {
	return []string{
		"id", "at", "kind", "user_id", "session_id", "actor", "transport", "address", "user_agent", "request_id", "detail", "count",
	}
}

func eventFields(r *models.SecurityEvent) []any {
	return []any{
		&r.ID, &r.At, &r.Kind, &r.UserID, &r.SessionID, &r.Actor, &r.Transport, &r.Address, &r.UserAgent, &r.RequestID, &r.Detail, &r.Count,
	}
}

// Recorded implements [auth.Journal].
func (s *Store) Recorded(ctx context.Context, q auth.JournalQuery) ([]auth.RecordedEvent, error) {
	if q.UserID != "" && !isID(q.UserID) {
		return nil, nil
	}
	where, p := eventCondition(q)
	order := "DESC"
	if q.Oldest {
		order = "ASC"
	}
	rows, err := query(ctx, s.read, `SELECT `+list("", eventColumns(), "")+` FROM security_events
		WHERE `+where+` ORDER BY id `+order+` LIMIT @limit`, p, eventFields)
	if err != nil {
		return nil, fail("read the journal", err)
	}
	events := make([]auth.RecordedEvent, len(rows))
	for i, row := range rows {
		events[i] = fromEventRow(row)
	}
	if q.Oldest {
		slices.Reverse(events)
	}
	return events, nil
}

func eventCondition(q auth.JournalQuery) (where string, p params) {
	and := []string{"id > @newer", "id < @older"}
	p = params{"newer": uuid.Nil.String(), "older": uuid.Max.String(), "limit": q.Limit}
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
	if len(q.Kinds) > 0 {
		and = append(and, "kind IN @kinds")
		p["kinds"] = q.Kinds
	}
	if !q.Since.IsZero() {
		and = append(and, "id >= @since")
		p["since"] = firstID(q.Since)
	}
	return strings.Join(and, " AND "), p
}

// idTime is the first half of a version 7 UUID of a moment: milliseconds since
// the epoch, and how far the millisecond has gone, in 4096 parts (RFC 9562,
// section 6.2, method 3).
func idTime(at time.Time) uint64 {
	us := uint64(max(0, micros(at)))
	return us/1000<<16 | 7<<12 | us%1000*4096/1000
}

// firstID is the first id that an event of a moment could have.
func firstID(at time.Time) string {
	id := uuid.UUID{8: 0x80}
	binary.BigEndian.PutUint64(id[:8], idTime(at))
	return id.String()
}

// newEventID returns an id whose order is that of time, by whichever replica.
func newEventID(at time.Time) (string, error) {
	id, err := uuid.NewRandom()
	if err != nil {
		return "", fmt.Errorf("make an id: %w", err)
	}
	binary.BigEndian.PutUint64(id[:8], idTime(at))
	return id.String(), nil
}

// eventRow gives an event its id.
func eventRow(e auth.Event) (models.SecurityEvent, error) {
	c := e.Client
	if err := checkText(string(e.Kind), string(c.Transport), c.Address, c.UserAgent, c.RequestID, c.Actor, e.Detail); err != nil {
		return models.SecurityEvent{}, err
	}
	id, err := newEventID(e.At)
	if err != nil {
		return models.SecurityEvent{}, err
	}
	return models.SecurityEvent{
		ID: id, At: micros(e.At), Kind: string(e.Kind), UserID: idPtr(e.UserID), SessionID: idPtr(e.SessionID),
		Actor: c.Who(), Transport: string(c.Transport), Address: c.Address, UserAgent: c.UserAgent, RequestID: c.RequestID,
		Detail: e.Detail, Count: int64(e.Count),
	}, nil
}

// idPtr is nil for what is no id.
func idPtr(id string) *string {
	if !isID(id) {
		return nil
	}
	return &id
}

func fromEventRow(r models.SecurityEvent) auth.RecordedEvent {
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
}
