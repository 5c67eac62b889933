//go:build faults

package fault

import (
	"context"

	"rekey/internal/auth"
)

// toldAs401 tells trouble with the database as a token that is not valid,
// upon which clients log people out.
type toldAs401 struct{ auth.Store }

// noteToldAs401 does the same for the notes that the cache keeps in SQL.
type noteToldAs401 struct{ auth.Blacklist }

func wrap401OnDatabaseError(_ *machine, o auth.Options) auth.Options {
	o.Store, o.Blacklist = toldAs401{o.Store}, noteToldAs401{o.Blacklist}
	return o
}

// Rotate implements [auth.Store].
func (s toldAs401) Rotate(ctx context.Context, r auth.Rotation) (auth.SessionState, error) {
	st, err := s.Store.Rotate(ctx, r)
	return st, unauthenticated(err)
}

// SessionState implements [auth.Store].
func (s toldAs401) SessionState(ctx context.Context, sessionID string, secret auth.SecretHash) (auth.SessionState, error) {
	st, err := s.Store.SessionState(ctx, sessionID, secret)
	return st, unauthenticated(err)
}

// Invalidate implements [auth.Blacklist].
func (b noteToldAs401) Invalidate(ctx context.Context, doubts ...auth.Invalidation) error {
	return unauthenticated(b.Blacklist.Invalidate(ctx, doubts...))
}

func unauthenticated(err error) error {
	if err == nil || auth.AsError(err).Code != auth.CodeUnavailable {
		return err
	}
	return auth.InvalidToken(auth.TokenFailure{Fault: auth.FaultSignature})
}
