package auth

import (
	"context"
	"errors"
	"time"
)

// maxRevokedAtOnce bounds how many sessions one login revokes. It revokes more
// than one if several logins ran at the same time, or if the maximum was lowered.
const maxRevokedAtOnce = 10

// enforceMaxSessions revokes the sessions of a user over MaxSessions, starting
// with those that were unused for the longest time (OWASP ASVS 7.1.2). It does
// not revoke own, the session of this login: the clocks that created the others
// may be ahead. If it fails, the next login tries again.
//
// others is the number of the user's other sessions. It does not include those of
// logins that ran at the same time, so enforceMaxSessions asks the database if up
// to maxRevokedAtOnce logins together could exceed the maximum.
func (s *Service) enforceMaxSessions(ctx context.Context, userID, own string, others int, now time.Time, c Client) {
	if s.settings.MaxSessions == 0 || others+maxRevokedAtOnce <= s.settings.MaxSessions {
		return
	}
	ids, err := s.store.SurplusSessions(ctx, userID, own, now, s.settings.MaxSessions-1, maxRevokedAtOnce)
	if err != nil {
		s.warn(ctx, "sessions over the limit could not be looked for", err)
		return
	}
	for _, id := range ids {
		e := Event{Kind: EventSessionRevoked, At: now, UserID: userID, SessionID: id, Client: c, Detail: RevokedByLimit, Count: 1}
		if _, err := s.revoke(ctx, RevokedByLimit, e); err != nil && !errors.Is(err, ErrNotFound) {
			s.warn(ctx, "a session over the limit could not be ended", err)
			e.Count = 0
			s.events.Emit(ctx, e)
			return
		}
	}
}
