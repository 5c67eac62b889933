package auth

import (
	"context"
	"errors"
	"time"
)

// maxRevokedAtOnce bounds what one login ends: one session, but where several
// logins came at once, or the bound was lowered.
const maxRevokedAtOnce = 10

// enforceMaxSessions ends the sessions of a user that are over MaxSessions, those first
// that were unused for longest (OWASP ASVS 7.1.2). own, the session of the login
// that made them too many, stands: the clocks that others were made by may be
// ahead of its own. Whatever comes of it, the next login tries again.
func (s *Service) enforceMaxSessions(ctx context.Context, userID, own string, now time.Time, c Client) {
	if s.settings.MaxSessions == 0 {
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
