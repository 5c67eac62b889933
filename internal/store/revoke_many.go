package store

import (
	"context"
	"slices"
	"time"

	"github.com/google/uuid"

	"rekey/internal/auth"
)

// SessionsBegunBefore implements [auth.Store]. Pages follow the primary key,
// so that ending all of them reads each session once.
func (s *Store) SessionsBegunBefore(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
	if !isID(after) {
		after = uuid.Nil.String()
	}
	ids, err := query(ctx, s.read, `SELECT id FROM sessions
		WHERE id > @after AND revoked_at IS NULL AND created_at < @before ORDER BY id LIMIT @limit`,
		params{"after": after, "before": micros(before), "limit": limit}, func(id *string) []any { return []any{id} })
	return ids, fail("list old sessions", err)
}

// RevokeSessions implements [auth.Store]. An expired session is revoked, too,
// as RevokeSession does. One that Postgres picks to end a deadlock with another
// end of the same sessions did nothing, and is tried again.
func (s *Store) RevokeSessions(ctx context.Context, ids []string, reason string, at time.Time, kept ...auth.Event) ([]string, error) {
	const doing = "revoke sessions"
	if err := checkText(reason); err != nil {
		return nil, fail(doing, err)
	}
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !isID(id) })
	if len(ids) == 0 {
		return nil, nil
	}
	all, err := queryKeeping(ctx, s, `UPDATE sessions SET revoked_at = @at, revoked_reason = @reason
		WHERE id IN @ids AND revoked_at IS NULL RETURNING `+endedColumns,
		params{"ids": ids, "reason": reason, "at": micros(at)}, endedFields,
		func(all []ended) []auth.Event { return eachOf(kept, all, at) })
	if err != nil {
		return nil, fail(doing, err)
	}
	return liveIDs(all, at), nil
}
