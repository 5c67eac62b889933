package auth

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// Authenticate returns the caller that holds a live access token. It asks the
// store if it sees the token for the first time, or if the cache does not know
// that the token is valid.
func (s *Service) Authenticate(ctx context.Context, accessToken string, c Client) (_ Caller, err error) {
	ctx, now, end, err := s.begin(ctx, StepAccess, c)
	defer end(&err)
	if err != nil {
		return Caller{}, err
	}
	claims, err := s.verify(ctx, UseAccess, accessToken, now, c)
	if err != nil {
		return Caller{}, err
	}
	if err := s.check(ctx, UseAccess, claims, now); err != nil {
		return Caller{}, err
	}
	return Caller{UserID: claims.User.ID, SessionID: claims.SessionID, Claims: claims}, nil
}

// CheckRefreshToken guards the legacy routes. It returns nil if the refresh
// token is live and current. It only reads: a reused token revokes its session
// only in a refresh.
func (s *Service) CheckRefreshToken(ctx context.Context, token string, c Client) (err error) {
	ctx, now, end, err := s.begin(ctx, StepGuard, c)
	defer end(&err)
	if err != nil {
		return err
	}
	claims, err := s.verify(ctx, UseRefresh, token, now, c)
	if err != nil {
		return err
	}
	return s.check(ctx, UseRefresh, claims, now)
}

// verify checks the signature and the times of a token, and counts the
// request: by session if the token verifies, else by the client's address.
// Failures are counted before the clock is checked, because that check asks the
// database and anyone can send an old token. A client over the limit does not
// learn what is wrong with the token.
func (s *Service) verify(ctx context.Context, use TokenUse, token string, now time.Time, c Client) (Claims, error) {
	if token == "" {
		return Claims{}, s.countFailure(ctx, c, Unauthenticated(ReasonTokenMissing, "a bearer token is required"))
	}
	claims, err := s.tokens.Verify(use, token, now)
	if err != nil {
		if err := s.countFailure(ctx, c, nil); err != nil {
			return Claims{}, err
		}
		return Claims{}, s.unlessSkewed(ctx, err)
	}
	logSession(ctx, claims.SessionID)
	limit := limitAccess
	if use == UseRefresh {
		limit = limitRefresh
	}
	return claims, s.allow(ctx, limit, claims.SessionID)
}

// verifyAs verifies a token that may have any of several uses. If none of them
// verifies, the error is CodeUnavailable if one of the uses could not be judged:
// the token may be valid.
func (s *Service) verifyAs(
	ctx context.Context, verify func(TokenUse, string, time.Time) (Claims, error), token string, now time.Time, uses ...TokenUse,
) (TokenUse, Claims, error) {
	var failure error
	for _, use := range uses {
		claims, err := verify(use, token, now)
		if err == nil {
			return use, claims, nil
		}
		if err = s.unlessSkewed(ctx, err); failure == nil || !isRefusal(err) {
			failure = err
		}
	}
	return "", Claims{}, failure
}

// isRefusal reports whether an error is a verdict on a token, rather than a
// failure to judge it.
func isRefusal(err error) bool {
	return err != nil && AsError(err).Code == CodeUnauthenticated
}

// accessEnd returns when an access token expires: at its own exp, or ACCESS_TTL
// after it was issued, if that is earlier because ACCESS_TTL was lowered.
// Invalidations last ACCESS_TTL, and no token may outlive them.
func (s *Service) accessEnd(claims Claims) time.Time {
	return earlier(claims.ExpiresAt, claims.IssuedAt.Add(s.settings.AccessTTL))
}

// check returns nil if a token that verified authenticates at now. It asks the
// store about an access token unless the cache knows that the token is valid and
// the store has confirmed it before: the cache knows nothing of a session that
// does not exist.
func (s *Service) check(ctx context.Context, use TokenUse, claims Claims, now time.Time) error {
	var known bool
	if use == UseAccess {
		if end := s.accessEnd(claims); !now.Before(end) {
			return InvalidToken(TokenFailure{Fault: FaultExpired, ExpiredBy: now.Sub(end)})
		}
		known = canonicalID(claims.SessionID) && s.KnownValid(ctx, claims)
		if known && s.confirmed.has(claims) {
			return nil
		}
	}
	v, err := s.verdict(ctx, use, claims, now)
	if err != nil {
		return err
	}
	if known && v == isCurrent {
		s.confirmed.add(claims)
	}
	return v.err()
}

// verdict judges a token that verified, by what the store knows of its session.
// A parent whose child was never delivered counts as current, because a refresh
// would replace it.
func (s *Service) verdict(ctx context.Context, use TokenUse, claims Claims, now time.Time) (verdict, error) {
	st, err := s.sessionState(ctx, claims.SessionID, HashSecret(claims.Secret))
	switch {
	case errors.Is(err, ErrNotFound):
		return isMissing, nil
	case err != nil:
		return 0, err
	case use == UseAccess:
		return s.judgeAccess(st, claims, now), nil
	}
	v := s.judgeRefresh(st, claims, presentation{at: now})
	if v == isUnacknowledged {
		v = isCurrent
	}
	return v, nil
}

// sessionState reads a session with its user, and whether the access token
// with this secret was blacklisted singly. It returns ErrNotFound if there is no
// such session; the store never sees an id that is not canonical.
func (s *Service) sessionState(ctx context.Context, id string, secret SecretHash) (SessionState, error) {
	if !canonicalID(id) {
		return SessionState{}, ErrNotFound
	}
	st, err := s.store.SessionState(ctx, id, secret)
	if err != nil {
		return SessionState{}, fmt.Errorf("reading the state of a session: %w", err)
	}
	return st, nil
}

// KnownValid reports whether an access token that verified is certainly not
// blacklisted. It asks the cache, never the store.
func (s *Service) KnownValid(ctx context.Context, c Claims) bool {
	return s.cache.KnownValid(ctx, c.SessionID, HashSecret(c.Secret), c.IssuedAt)
}

// AccessSession returns the session of an access token that authenticated
// before, as the store has it now. If the token no longer authenticates, the
// error says why; the session is then returned, too, if there is one.
func (s *Service) AccessSession(ctx context.Context, c Claims) (Session, error) {
	st, err := s.sessionState(ctx, c.SessionID, HashSecret(c.Secret))
	if errors.Is(err, ErrNotFound) {
		return Session{}, isMissing.err()
	}
	if err != nil {
		return Session{}, err
	}
	return st.Session, s.judgeAccess(st, c, s.now()).err()
}
