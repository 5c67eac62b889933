package auth

import (
	"context"
	"errors"
	"time"
)

// RecentCaller is Authenticate for operations that change a credential, an address
// or the account. It returns ReasonStepUpRequired unless the owner has proved a
// credential in the caller's session within RecentAuth. It judges the token and the
// proof by one read of the session's row, never by claims or a cache.
func (s *Service) RecentCaller(ctx context.Context, accessToken string, c Client) (_ Caller, err error) {
	ctx, now, end, err := s.begin(ctx, StepRecentAccess, c)
	defer end(&err)
	if err != nil {
		return Caller{}, err
	}
	claims, err := s.verify(ctx, UseAccess, accessToken, now, c)
	if err == nil {
		err = s.checkRecent(ctx, claims, now)
	}
	if err != nil {
		return Caller{}, err
	}
	return Caller{UserID: claims.User.ID, SessionID: claims.SessionID, Claims: claims}, nil
}

func (s *Service) checkRecent(ctx context.Context, claims Claims, now time.Time) error {
	st, err := s.sessionState(ctx, claims.SessionID, HashSecret(claims.Secret))
	if errors.Is(err, ErrNotFound) {
		return isMissing.err()
	}
	if err == nil {
		err = s.judgeLiveAccess(st, claims, now)
	}
	if err == nil && !s.recent(st.Session, now) {
		err = stepUpRequired()
	}
	return err
}

// judgeLiveAccess returns the error for an access token that verified, or nil if it
// authenticates.
func (s *Service) judgeLiveAccess(st SessionState, claims Claims, now time.Time) error {
	if end := s.accessEnd(claims); !now.Before(end) {
		return InvalidToken(TokenFailure{Fault: FaultExpired, ExpiredBy: now.Sub(end)})
	}
	return s.judgeAccess(st, claims, now).err()
}

// recent reports whether the owner has proved a credential in a session within
// RecentAuth.
func (s *Service) recent(sess Session, now time.Time) bool {
	return now.Sub(sess.AuthenticatedAt) <= s.settings.RecentAuth
}

func stepUpRequired() error {
	return Unauthenticated(ReasonStepUpRequired,
		"prove again who you are: send reauthenticate, and then this request with the new access token; the session is still valid")
}
