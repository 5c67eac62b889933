package auth

import "time"

// verdict is what a verified token is, given the state of its session.
type verdict int

const (
	isCurrent        verdict = iota + 1
	isRepeat                 // the direct parent, entitled to the same pair again
	isUnacknowledged         // the direct parent, and its child was handed to nobody
	isRace                   // the direct parent, within the window
	isReuse                  // older, or the parent after the window
	isRollback               // newer than the session knows: the database lost a write
	isBlacklisted            // blacklisted singly
	isUserDisabled
	isRevoked
	isExpired
	isMissing // there is no such session of this user
)

// err is what the holder of the token is told.
func (v verdict) err() error {
	switch v {
	case isReuse:
		return Unauthenticated(ReasonTokenReused, "token has been used before")
	case isRollback:
		return Unauthenticated(ReasonSessionUnknown, "token is not known to its session")
	case isUserDisabled:
		return Unauthenticated(ReasonUserDisabled, "user is disabled")
	case isRevoked:
		return Unauthenticated(ReasonSessionRevoked, "session has been ended")
	case isExpired:
		return Unauthenticated(ReasonSessionExpired, "session has expired")
	case isMissing:
		return sessionMissing()
	default:
		return Unauthenticated(ReasonTokenBlacklisted, "token is blacklisted")
	}
}

func sessionMissing() *Error {
	e := Unauthenticated(ReasonSessionUnknown, "session is unknown")
	e.SessionMissing = true
	return e
}

// judgeSession judges what concerns every token of a session; zero when
// nothing is wrong.
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
// request's idempotency key, or nil. Windows are judged by the database's
// clock (st.Now), expiry by now.
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

// judgeParent judges the direct parent of the current token. With a grace any
// replica may have handed the child out, so that no swap of unknown outcome is
// known to be unacknowledged: the grace takes its place.
func (s *Service) judgeParent(st SessionState, retry *SecretHash) verdict {
	age := st.age()
	barred := st.Session.RefreshBlacklistedAt != nil || st.Session.RetryHash.matches(NoRepeat())
	sameKey := retry != nil && st.Session.RetryHash.matches(*retry)
	entitled := sameKey && age <= s.settings.RetryTTL || s.settings.RefreshGrace > 0 && age <= s.settings.RefreshGrace
	deliveredAt, ours := s.unacknowledged.find(st.Session.RetryHash)
	unacknowledged := ours && deliveredAt.IsZero() && age <= s.settings.RetryTTL && s.settings.RefreshGrace == 0
	inWindow := age <= s.settings.ReuseWindow || ours && st.Now.Sub(deliveredAt) <= s.settings.ReuseWindow
	switch {
	case entitled && !barred:
		return isRepeat
	case unacknowledged && !barred:
		return isUnacknowledged
	case inWindow:
		return isRace
	}
	return isReuse
}

// age is how long ago the session was rotated, by the database's clock.
func (st SessionState) age() time.Duration {
	if st.Session.RotatedAt == nil {
		return 0
	}
	return st.Now.Sub(*st.Session.RotatedAt)
}

// judgeAccess judges an access token that verified.
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
