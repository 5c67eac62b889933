package store

import (
	"context"
	"errors"
	"fmt"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

// Rotate implements [auth.Store].
func (s *Store) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	if !isID(r.SessionID) || !isID(r.UserID) {
		return auth.SessionState{}, auth.ErrMovedOn
	}
	row, err := queryOne(ctx, s.write, s.rotation(), rotationParams(r), stateFields)
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return auth.SessionState{}, auth.ErrMovedOn
	}
	if err != nil {
		return auth.SessionState{}, fail("rotate a session", err)
	}
	return row.value(), nil
}

// rotation is the compare-and-swap. Two of them on one row wait for each
// other; the second then judges the row as the first left it, and finds that
// the current secret is another.
//
// COALESCE(NULLIF(...)) stores the retry hash, unless there is none or it is
// that of the rotation before: then the attempt. A token that a clock
// ahead of the database's issued would be refused by everybody else. The user's columns are scalar
// subqueries because SQLite knows no columns of a FROM in RETURNING.
func (s *Store) rotation() string {
	return fmt.Sprintf(`UPDATE sessions SET
			generation = generation + 1,
			previous_hash = secret_hash,
			secret_hash = @next,
			rotated_at = %[1]s,
			retry_hash = COALESCE(NULLIF( @retry, retry_hash), @attempt),
			issued_at = @issued,
			access_expires_at = %[2]s( @access, expires_at),
			refresh_expires_at = %[2]s( @refresh, expires_at),
			last_seen_at = @now
		WHERE id = @id AND user_id = @user AND secret_hash = @current
			AND revoked_at IS NULL AND refresh_blacklisted_at IS NULL
			AND refresh_expires_at > @now AND expires_at > @now
			AND @issued <= %[1]s + @leeway
			AND EXISTS (SELECT 1 FROM users u WHERE u.id = sessions.user_id AND u.disabled_at IS NULL)
		RETURNING %[3]s, %[4]s, %[1]s, false`,
		s.dialect.clock, s.dialect.least,
		list("", sessionColumns(), ""),
		"user_id, "+list("(SELECT u.", userColumns()[1:], " FROM users u WHERE u.id = sessions.user_id)"))
}

func rotationParams(r auth.Rotation) params {
	return params{
		"id": r.SessionID, "user": r.UserID,
		"current": r.Current[:], "next": r.Next[:],
		"retry": hashBytes(r.RetryHash), "attempt": r.Attempt[:],
		"now": micros(r.Now), "issued": micros(r.IssuedAt), "leeway": r.ClockLeeway.Microseconds(),
		"access": micros(r.AccessExpiresAt), "refresh": micros(r.RefreshExpiresAt),
	}
}
