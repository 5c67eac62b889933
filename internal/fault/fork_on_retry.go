//go:build faults

package fault

import (
	"context"
	"errors"

	"rekey/internal/auth"
)

// forkOnRetry rotates again for a repeated request: a client that lost the answer
// gets a different child than the first one.
type forkOnRetry struct {
	auth.Store
	m *machine
}

// Rotate implements [auth.Store].
func (s forkOnRetry) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	st, err := s.Store.Rotate(ctx, r)
	if !errors.Is(err, auth.ErrMovedOn) || r.RetryHash == nil {
		return st, err
	}
	st, err = s.SessionState(ctx, r.SessionID, r.Current)
	if errors.Is(err, auth.ErrNotFound) {
		return st, auth.ErrMovedOn
	}
	if err != nil {
		return st, err
	}
	f := newFork()
	child := f.hash(r.Next)
	n, err := s.m.exec(ctx, `UPDATE sessions SET
			generation = generation + 1, secret_hash = $4, issued_at = $5,
			access_expires_at = LEAST($6, expires_at), refresh_expires_at = LEAST($7, expires_at)
		WHERE id = $1 AND previous_hash = $2 AND retry_hash = $3
			AND revoked_at IS NULL AND refresh_blacklisted_at IS NULL`,
		r.SessionID, r.Current[:], r.RetryHash[:], child[:], r.IssuedAt.UnixMicro(),
		r.AccessExpiresAt.UnixMicro(), r.RefreshExpiresAt.UnixMicro())
	if err == nil && n == 0 {
		err = auth.ErrMovedOn // no repeat
	}
	return rotated(st, r, f), err
}
