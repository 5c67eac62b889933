package auth

import "time"

// verdict is the result of judging a token that verified by the state of its
// session.
type verdict int

const (
	isCurrent        verdict = iota + 1
	isRepeat                 // the direct parent, entitled to the same pair again
	isUnacknowledged         // the direct parent, and its child was never delivered
	isRace                   // the direct parent, within ReuseWindow
	isReuse                  // older, or the direct parent after ReuseWindow
	isRollback               // newer than the session: the database lost a write
	isBlacklisted            // blacklisted singly, or replaced (access tokens)
	isUserDisabled
	isRevoked
	isExpired
	isMissing // the user has no such session
)

// err returns the error that the holder of the token gets. It is nil if the
// token is current.
func (v verdict) err() error {
	switch v {
	case isCurrent:
		return nil
	case isReuse:
		return Unauthenticated(ReasonTokenReused, "token has been used before")
	case isRollback:
		return Unauthenticated(ReasonSessionUnknown, "token is not known to its session")
	case isUserDisabled:
		return Unauthenticated(ReasonUserDisabled, "user is disabled")
	case isRevoked:
		return Unauthenticated(ReasonSessionRevoked, "session was revoked")
	case isExpired:
		return Unauthenticated(ReasonSessionExpired, "session has expired")
	case isMissing:
		e := Unauthenticated(ReasonSessionUnknown, "session is unknown")
		e.SessionMissing = true
		return e
	default:
		return Unauthenticated(ReasonTokenBlacklisted, "token is blacklisted")
	}
}

// judgeSession judges what all tokens of a session have in common. It returns
// zero if the session is live and belongs to the user.
func judgeSession(st SessionState, userID string, now time.Time) verdict {
	switch {
	case st.Session.UserID != userID:
		return isMissing
	case st.User.Disabled():
		return isUserDisabled
	case st.Session.RevokedAt != nil:
		return isRevoked
	case !now.Before(st.Session.ExpiresAt):
		return isExpired
	}
	return 0
}

// judgeRefresh judges a refresh token that verified. retry is the hash of the
// request's idempotency key, or nil. The time since the rotation is measured by
// the database's clock (st.Now), expiry by now.
func (s *Service) judgeRefresh(st SessionState, c Claims, retry *SecretHash, now time.Time) verdict {
	if v := judgeSession(st, c.User.ID, now); v != 0 {
		return v
	}
	presented := HashSecret(c.Secret)
	switch {
	case !now.Before(st.Session.RefreshExpiresAt):
		return isExpired
	case st.Session.SecretHash.Equal(presented):
		if st.Session.RefreshBlacklistedAt != nil {
			return isBlacklisted
		}
		return isCurrent
	case st.Session.PreviousHash.matches(presented):
		return s.judgeParent(st, retry)
	case c.IssuedAt.After(st.Session.IssuedAt):
		return isRollback
	}
	return isReuse
}

// judgeParent judges the direct parent of the current refresh token, by the
// time since the rotation, the idempotency key and the swaps of this process
// whose answer was lost:
//
//   - It is a repeat with the key of the rotation, for RetryTTL, or without a
//     key within RefreshGrace.
//   - It is unacknowledged if this process made the swap and has not delivered
//     the child, for RetryTTL. With a RefreshGrace, another replica may have
//     delivered the child without a trace: the grace then takes the place of
//     this rule.
//   - Both are barred if the parent or its child was blacklisted singly.
//   - Otherwise it is a race within ReuseWindow after the rotation, or after
//     this process delivered the child late. Then it is reuse.
func (s *Service) judgeParent(st SessionState, retry *SecretHash) verdict {
	age := st.age()
	barred := st.Session.RefreshBlacklistedAt != nil || st.Session.RetryHash.matches(NoRepeat())
	sameKey := retry != nil && st.Session.RetryHash.matches(*retry)
	entitled := sameKey && age <= s.settings.RetryTTL || s.settings.RefreshGrace > 0 && age <= s.settings.RefreshGrace
	deliveredAt, ours := s.unacknowledged.find(st.Session.RetryHash)
	undelivered := ours && deliveredAt.IsZero() && age <= s.settings.RetryTTL && s.settings.RefreshGrace == 0
	inWindow := age <= s.settings.ReuseWindow || ours && st.Now.Sub(deliveredAt) <= s.settings.ReuseWindow
	switch {
	case entitled && !barred:
		return isRepeat
	case undelivered && !barred:
		return isUnacknowledged
	case inWindow:
		return isRace
	}
	return isReuse
}

// age returns the time since the session was rotated, by the database's clock.
func (st SessionState) age() time.Duration {
	if st.Session.RotatedAt == nil {
		return 0
	}
	return st.Now.Sub(*st.Session.RotatedAt)
}

// judgeAccess judges an access token that verified. The direct parent stays
// current for AccessOverlap after the rotation.
func (s *Service) judgeAccess(st SessionState, c Claims, now time.Time) verdict {
	if v := judgeSession(st, c.User.ID, now); v != 0 {
		return v
	}
	presented := HashSecret(c.Secret)
	parent := st.Session.PreviousHash.matches(presented)
	switch {
	case st.AccessBlacklisted:
		return isBlacklisted
	case st.Session.SecretHash.Equal(presented), parent && st.age() <= s.settings.AccessOverlap:
		return isCurrent
	case !parent && c.IssuedAt.After(st.Session.IssuedAt):
		return isRollback
	}
	return isBlacklisted
}
