package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Authenticate returns who holds a live access token. The store is asked only
// when the blacklist cannot clear the token.
func (s *Service) Authenticate(ctx context.Context, accessToken string, c Client) (_ Caller, err error) {
	ctx, end := observe(ctx, s.observer, StepAccess, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return Caller{}, err
	}
	claims, err := s.verify(ctx, UseAccess, accessToken, now, c)
	if err != nil {
		return Caller{}, err
	}
	if err := s.checkAccess(ctx, claims, now); err != nil {
		return Caller{}, err
	}
	return Caller{UserID: claims.User.ID, SessionID: claims.SessionID, Claims: claims}, nil
}

// accessEnd is when an access token ends. Invalidations are kept for ACCESS_TTL: a
// token of a time when that was longer must not outlive them.
func (s *Service) accessEnd(claims Claims) time.Time {
	return earlier(claims.ExpiresAt, claims.IssuedAt.Add(s.settings.AccessTTL))
}

func (s *Service) checkAccess(ctx context.Context, claims Claims, now time.Time) error {
	if end := s.accessEnd(claims); !now.Before(end) {
		return InvalidToken(TokenFailure{Fault: FaultExpired, ExpiredBy: now.Sub(end)})
	}
	if !canonicalID(claims.SessionID) {
		return sessionMissing()
	}
	if s.cache.KnownValid(ctx, claims.SessionID, HashSecret(claims.Secret), claims.IssuedAt) {
		return nil
	}
	v, err := s.accessVerdict(ctx, claims, now)
	if err != nil {
		return err
	}
	if v != isCurrent {
		return v.err()
	}
	return nil
}

func (s *Service) accessVerdict(ctx context.Context, claims Claims, now time.Time) (verdict, error) {
	st, err := s.store.SessionState(ctx, claims.SessionID, HashSecret(claims.Secret))
	if errors.Is(err, ErrNotFound) {
		return isMissing, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the state of a session: %w", err)
	}
	return s.judgeAccess(st, claims, now), nil
}

// KnownValid reports whether an access token that authenticated before is
// certainly not blacklisted, without asking the store.
func (s *Service) KnownValid(ctx context.Context, c Claims) bool {
	return s.cache.KnownValid(ctx, c.SessionID, HashSecret(c.Secret), c.IssuedAt)
}

// AccessSession returns the session of an access token that authenticated
// before, as the store has it. Its error is the one that the token is refused
// with now; the session is then returned, too, if there is one.
func (s *Service) AccessSession(ctx context.Context, c Claims) (Session, error) {
	st, err := s.store.SessionState(ctx, c.SessionID, HashSecret(c.Secret))
	if errors.Is(err, ErrNotFound) {
		return Session{}, isMissing.err()
	}
	if err != nil {
		return Session{}, fmt.Errorf("reading the state of a session: %w", err)
	}
	if v := s.judgeAccess(st, c, s.now()); v != isCurrent {
		return st.Session, v.err()
	}
	return st.Session, nil
}

// CheckRefreshToken is the guard of the legacy route: nil when the refresh
// token is live and current. It only reads: nothing but a refresh itself
// revokes for reuse.
func (s *Service) CheckRefreshToken(ctx context.Context, token string, c Client) (err error) {
	ctx, end := observe(ctx, s.observer, StepGuard, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return err
	}
	claims, err := s.verify(ctx, UseRefresh, token, now, c)
	if err != nil {
		return err
	}
	return s.checkRefresh(ctx, claims, now)
}

func (s *Service) checkRefresh(ctx context.Context, claims Claims, now time.Time) error {
	v, err := s.refreshVerdict(ctx, claims, now)
	if err != nil {
		return err
	}
	if v != isCurrent {
		return v.err()
	}
	return nil
}

func (s *Service) refreshVerdict(ctx context.Context, claims Claims, now time.Time) (verdict, error) {
	if !canonicalID(claims.SessionID) {
		return isMissing, nil
	}
	st, err := s.store.SessionState(ctx, claims.SessionID, HashSecret(claims.Secret))
	if errors.Is(err, ErrNotFound) {
		return isMissing, nil
	}
	if err != nil {
		return 0, fmt.Errorf("reading the state of a session: %w", err)
	}
	v := s.judgeRefresh(st, claims, nil, now)
	if v == isUnacknowledged {
		v = isCurrent // a refresh would replace it
	}
	return v, nil
}
