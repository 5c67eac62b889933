//go:build faults

package fault

import (
	"context"
	"errors"
	"time"

	"rekey/internal/auth"
)

// windowExtends restarts the window at each replay of the parent within it, so
// that it may never end.
type windowExtends struct {
	auth.Store
	m             *machine
	window, retry time.Duration
}

// Rotate implements [auth.Store].
func (s windowExtends) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	st, err := s.Store.Rotate(ctx, r)
	if !errors.Is(err, auth.ErrMovedOn) {
		return st, err
	}
	_, renewErr := s.m.exec(ctx, `UPDATE sessions SET rotated_at = `+databaseClock+`
		WHERE id = $1 AND previous_hash = $2 AND revoked_at IS NULL
			AND rotated_at >= `+databaseClock+` - CASE WHEN retry_hash = $3 THEN $4::bigint ELSE $5 END`,
		r.SessionID, r.Current[:], bytesOf(r.RetryHash), s.retry.Microseconds(), s.window.Microseconds())
	if renewErr != nil {
		return st, renewErr
	}
	return st, err
}
