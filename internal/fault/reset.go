//go:build faults

package fault

import (
	"context"
	"errors"

	"rekey/internal/auth"
)

// redeemBlindly sets the password by a link that was valid when the request began,
// whatever happened since: all uses of one link at the same time succeed.
type redeemBlindly struct{ auth.Store }

// EndSessions implements [auth.Store].
func (s redeemBlindly) EndSessions(ctx context.Context, end auth.EndSessions, e *auth.Event) ([]string, error) {
	if end.Redeem == nil {
		return s.Store.EndSessions(ctx, end, e)
	}
	end.Redeem, end.ExpectEpoch = nil, nil
	for {
		u, err := s.UserByID(ctx, end.UserID)
		if err != nil {
			return nil, err
		}
		end.ExpectPasswordHash = u.PasswordHash
		ids, err := s.Store.EndSessions(ctx, end, e)
		if !errors.Is(err, auth.ErrMovedOn) {
			return ids, err
		}
	}
}

// resetKeepsEpoch does not raise the epoch when a password is reset, so that the
// other links of the account remain valid.
type resetKeepsEpoch struct{ auth.Store }

// EndSessions implements [auth.Store].
func (s resetKeepsEpoch) EndSessions(ctx context.Context, end auth.EndSessions, e *auth.Event) ([]string, error) {
	if end.Redeem != nil {
		end.RaiseEpoch = false
	}
	return s.Store.EndSessions(ctx, end, e)
}
