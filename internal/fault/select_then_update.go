//go:build faults

package fault

import (
	"bytes"
	"context"
	"errors"

	"rekey/internal/auth"
)

// selectThenUpdate looks whether the presented token is current and then
// rotates by id, whatever happened in between: two that look at the same time
// both win, each with a successor of its own, and the last one's stays.
type selectThenUpdate struct {
	auth.Store
	m *machine
}

// Rotate implements [auth.Store].
func (s selectThenUpdate) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	st, err := s.SessionState(ctx, r.SessionID, r.Current)
	if errors.Is(err, auth.ErrNotFound) || err == nil && !rotatable(st, r) {
		return auth.SessionState{}, auth.ErrMovedOn
	}
	if err != nil {
		return auth.SessionState{}, err
	}
	f := newFork()
	first, err := s.update(ctx, r, f)
	if err != nil {
		return auth.SessionState{}, err
	}
	if first {
		f = 0
	}
	return rotated(st, r, f), nil
}

// rotatable reports whether the store's swap would rotate the session.
func rotatable(st auth.SessionState, r auth.Rotation) bool {
	s := st.Session
	return s.UserID == r.UserID && s.SecretHash == r.Current && s.RevokedAt == nil && s.RefreshBlacklistedAt == nil &&
		r.Now.Before(s.RefreshExpiresAt) && r.Now.Before(s.ExpiresAt) && !st.User.Disabled()
}

// continues is the condition that a rotation continues a run.
const continues = `run_at > ` + databaseClock + ` - $11::bigint`

// update is unconditional. The first to come takes the child that a good build
// would have made; the others theirs.
func (s selectThenUpdate) update(ctx context.Context, r auth.Rotation, f fork) (first bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
	defer cancel()
	other := f.hash(r.Next)
	var stored []byte
	err = readRow(s.m.db.QueryRowContext(ctx, `UPDATE sessions SET
			generation = generation + 1,
			previous_hash = $2,
			secret_hash = CASE WHEN secret_hash = $2 THEN $3::bytea ELSE $4 END,
			rotated_at = `+databaseClock+`,
			run_at = CASE WHEN `+continues+` THEN run_at ELSE `+databaseClock+` END,
			run_iat = CASE WHEN `+continues+` THEN run_iat ELSE issued_at END,
			before_run_at = CASE WHEN `+continues+` THEN before_run_at ELSE run_at END,
			before_run_iat = CASE WHEN `+continues+` THEN before_run_iat ELSE run_iat END,
			rotated_by = $12,
			retry_hash = COALESCE(NULLIF($5::bytea, retry_hash), $6),
			issued_at = $7,
			access_expires_at = LEAST($8, expires_at),
			refresh_expires_at = LEAST($9, expires_at),
			last_seen_at = $10
		WHERE id = $1 RETURNING secret_hash`,
		r.SessionID, r.Current[:], r.Next[:], other[:], bytesOf(r.RetryHash), r.Attempt[:], r.IssuedAt.UnixMicro(),
		r.AccessExpiresAt.UnixMicro(), r.RefreshExpiresAt.UnixMicro(), r.Now.UnixMicro(), r.ReuseWindow.Microseconds(), string(r.Transport)), &stored)
	return bytes.Equal(stored, r.Next[:]), err
}

// bytesOf returns nil, SQL's NULL, for none.
func bytesOf(h *auth.SecretHash) []byte {
	if h == nil {
		return nil
	}
	return h[:]
}
