package store

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rekey/internal/auth"
	"rekey/models"
)

var _ auth.KeyNotes = (*Store)(nil)

// WriteKeyNote implements [auth.KeyNotes].
func (s *Store) WriteKeyNote(ctx context.Context, replica string, note map[auth.KeyPurpose]auth.KeyNote) error {
	const doing = "write a note about keys"
	text, err := json.Marshal(note)
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	if err := checkText(replica); err != nil {
		return fail(doing, err)
	}
	_, err = s.exec(ctx, nil, `INSERT INTO key_notes (replica, keys, written_at) VALUES ( @replica, @keys, `+s.dialect.clock+`)
		ON CONFLICT (replica) DO UPDATE SET keys = excluded.keys, written_at = excluded.written_at`,
		params{"replica": replica, "keys": string(text)})
	return fail(doing, err)
}

// KeyNotes implements [auth.KeyNotes].
func (s *Store) KeyNotes(ctx context.Context, maxAge time.Duration) (map[string]map[auth.KeyPurpose]auth.KeyNote, error) {
	const doing = "read the notes about keys"
	rows, err := query[models.KeyNote](ctx, s, `SELECT replica, keys, written_at FROM key_notes WHERE written_at >= `+s.dialect.clock+` - @age`,
		params{"age": maxAge.Microseconds()})
	if err != nil {
		return nil, fail(doing, err)
	}
	notes := make(map[string]map[auth.KeyPurpose]auth.KeyNote, len(rows))
	for _, row := range rows {
		var note map[auth.KeyPurpose]auth.KeyNote
		if err := json.Unmarshal([]byte(row.Keys), &note); err != nil {
			return nil, fmt.Errorf("%s: %w", doing, err)
		}
		notes[row.Replica] = note
	}
	return notes, nil
}

// DeleteKeyNotes implements [auth.KeyNotes].
func (s *Store) DeleteKeyNotes(ctx context.Context, replica string, minAge time.Duration) error {
	_, err := s.exec(ctx, nil, `DELETE FROM key_notes WHERE replica = @replica OR written_at < `+s.dialect.clock+` - @age`,
		params{"replica": replica, "age": minAge.Microseconds()})
	return fail("delete notes about keys", err)
}
