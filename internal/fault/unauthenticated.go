//go:build faults

package fault

import (
	"context"

	"rekey/internal/auth"
)

// reportAs401 reports a failure of the database as an invalid token, for which
// clients log people out.
type reportAs401 struct{ auth.Store }

// noteReportedAs401 does the same for the notes that the cache keeps in SQL.
type noteReportedAs401 struct{ auth.Blacklist }

// Rotate implements [auth.Store].
func (s reportAs401) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	st, err := s.Store.Rotate(ctx, r)
	return st, unauthenticated(err)
}

// SessionState implements [auth.Store].
func (s reportAs401) SessionState(ctx context.Context, sessionID string, secret auth.SecretHash) (auth.SessionState, error) {
	st, err := s.Store.SessionState(ctx, sessionID, secret)
	return st, unauthenticated(err)
}

// Invalidate implements [auth.Blacklist].
func (b noteReportedAs401) Invalidate(ctx context.Context, invalidations ...auth.Invalidation) error {
	return unauthenticated(b.Blacklist.Invalidate(ctx, invalidations...))
}

func unauthenticated(err error) error {
	if err == nil || auth.AsError(err).Code != auth.CodeUnavailable {
		return err
	}
	return auth.InvalidToken(auth.TokenFailure{Fault: auth.FaultSignature})
}
