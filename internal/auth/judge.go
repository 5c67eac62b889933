package auth

import "time"

// verdict is the result of judging a token that verified by the state of its
// session.
type verdict int

const (
	isCurrent        verdict = iota + 1
	isRepeat                 // the direct parent, entitled to the same pair again
	isUnacknowledged         // the direct parent, and its child was never delivered
	isRace                   // replaced a moment ago: within ReuseWindow, or in a recent run
	isReuse                  // replaced earlier
	isRollback               // newer than the session: the database lost a write
	isBlacklisted            // blacklisted singly, or replaced (access tokens)
	isUserDisabled
	isDeleting // the account is
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
	case isDeleting:
		return isBeingDeleted()
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
	case st.User.DeleteAt != nil: // a session that an earlier version created meanwhile
		return isDeleting
	case !now.Before(st.Session.ExpiresAt):
		return isExpired
	}
	return 0
}

// presentation is a request that presents a refresh token.
type presentation struct {
	retry  *SecretHash // hash of the idempotency key, or nil
	client Client
	at     time.Time // for expiry
}

// judgeRefresh judges a refresh token that verified. The time since a rotation
// is measured by the database's clock (st.Now), expiry by p.at.
func (s *Service) judgeRefresh(st SessionState, c Claims, p presentation) verdict {
	if v := judgeSession(st, c.User.ID, p.at); v != 0 {
		return v
	}
	presented := HashSecret(c.Secret)
	switch {
	case !p.at.Before(st.Session.RefreshExpiresAt):
		return isExpired
	case st.Session.SecretHash.Equal(presented):
		if st.Session.RefreshBlacklistedAt != nil {
			return isBlacklisted
		}
		return isCurrent
	case st.Session.PreviousHash.matches(presented):
		return s.judgeParent(st, p)
	case c.IssuedAt.After(st.Session.IssuedAt):
		return isRollback
	case s.replacedInBurst(st, c.IssuedAt):
		return isRace
	}
	return isReuse
}

// replacedInBurst reports whether a token older than the parent was replaced in
// one of the last two runs, and that run began at most two windows ago: honest
// clients that share a token can rotate several times within a moment.
//
// A token replaced within the last window always qualifies: only one run can
// have begun since its own did. A token replaced more than two windows ago never
// qualifies, unless its iat is that of a token replaced later, in the same
// second.
func (s *Service) replacedInBurst(st SessionState, issuedAt time.Time) bool {
	for _, run := range []*Run{st.Session.Run, st.Session.PreviousRun} {
		if run != nil && !issuedAt.Before(run.IssuedAt) && st.Now.Sub(run.BeganAt) <= 2*s.settings.ReuseWindow {
			return true
		}
	}
	return false
}

// judgeParent judges the direct parent of the current refresh token, by the
// time since the rotation, the idempotency key and the swaps of this process
// whose answer was lost:
//
//   - It is a repeat with the key of the rotation, for RetryTTL, or without a
//     key within the grace.
//   - It is unacknowledged if this process made the swap and has not delivered
//     the child, for RetryTTL. Such a swap has no grace.
//   - Both are barred if the parent or its child was blacklisted singly, or if a
//     change of the password replaced the parent.
//   - Otherwise it is a race within ReuseWindow after the rotation, or after
//     this process delivered the child late. Then it is reuse.
func (s *Service) judgeParent(st SessionState, p presentation) verdict {
	age := st.age()
	barred := st.Session.RefreshBlacklistedAt != nil || st.Session.RetryHash.matches(NoRepeat()) ||
		st.Session.RotatedBy == RotatedByPasswordChange
	deliveredAt, ours := s.unacknowledged.find(st.Session.RetryHash)
	grace := s.grace(st.Session, p.client)
	sameKey := p.retry != nil && st.Session.RetryHash.matches(*p.retry)
	entitled := sameKey && age <= s.settings.RetryTTL || !ours && grace > 0 && age <= grace
	undelivered := ours && deliveredAt.IsZero() && age <= s.settings.RetryTTL
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

// grace returns how long after a rotation the parent gets the same pair without a
// key. It depends on the transport of the request. Through REST, there is a grace
// only if the rotation came through REST too, from the same user agent.
func (s *Service) grace(sess Session, c Client) time.Duration {
	switch c.Transport {
	case TransportGraphQL:
		return s.settings.RefreshGrace
	case TransportREST:
		if sess.RotatedBy == TransportREST && c.UserAgent != "" && c.UserAgent == sess.UserAgent {
			return s.settings.RefreshGraceREST
		}
	}
	return 0
}

// age returns the time since the session was rotated, by the database's clock.
func (st SessionState) age() time.Duration {
	if st.Session.RotatedAt == nil {
		return 0
	}
	return st.Now.Sub(*st.Session.RotatedAt)
}

// judgeAccess judges an access token that verified. The direct parent stays
// current for AccessOverlap after the rotation, unless the password was changed.
func (s *Service) judgeAccess(st SessionState, c Claims, now time.Time) verdict {
	if v := judgeSession(st, c.User.ID, now); v != 0 {
		return v
	}
	presented := HashSecret(c.Secret)
	parent := st.Session.PreviousHash.matches(presented)
	switch {
	case st.AccessBlacklisted:
		return isBlacklisted
	case st.Session.SecretHash.Equal(presented):
		return isCurrent
	case parent && st.age() <= s.settings.AccessOverlap && st.Session.RotatedBy != RotatedByPasswordChange:
		return isCurrent
	case !parent && c.IssuedAt.After(st.Session.IssuedAt):
		return isRollback
	}
	return isBlacklisted
}
