package auth

import (
	"context"
	"time"
)

// Introspection is what a token is worth to who was presented it. All else is
// zero when it is not Active.
type Introspection struct {
	Active    bool
	Use       TokenUse
	UserID    string
	SessionID string
	IssuedAt  time.Time
	NotBefore time.Time
	ExpiresAt time.Time // by itself
	// Issuer, Audience and TokenID are those of the token, where it has them.
	Issuer   string
	Audience []string
	TokenID  string
}

// Introspect tells a program whether a token authenticates now (RFC 7662): for
// an access token as [Service.Authenticate] judges it; for a refresh token,
// if the key has ScopeIntrospectRefresh, whether a refresh would take it. Why
// a token is not active is not told.
//
// Errors: CodeForbidden without ScopeIntrospect; CodeUnavailable when it
// cannot be judged.
func (s *Service) Introspect(ctx context.Context, caller APIKeyCaller, token string, c Client) (_ Introspection, err error) {
	ctx, end := observe(ctx, s.observer, StepIntrospect, c)
	defer end(&err)
	if err := caller.Require(ScopeIntrospect); err != nil {
		return Introspection{}, err
	}
	now, err := s.start()
	if err != nil {
		return Introspection{}, err
	}
	uses := []TokenUse{UseAccess}
	if caller.Require(ScopeIntrospectRefresh) == nil {
		uses = append(uses, UseRefresh)
	}
	use, claims, err := s.verifyAs(ctx, s.tokens.Verify, token, now, uses...)
	if err == nil {
		err = s.checkToken(ctx, use, claims, now)
	}
	if isRefusal(err) {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, err
	}
	return s.introspection(use, claims), nil
}

func (s *Service) introspection(use TokenUse, claims Claims) Introspection {
	in := Introspection{
		Active: true, Use: use, UserID: claims.User.ID, SessionID: claims.SessionID,
		IssuedAt: claims.IssuedAt, NotBefore: claims.IssuedAt.Add(-time.Second), ExpiresAt: claims.ExpiresAt,
		Issuer: claims.Issuer, Audience: claims.Audience, TokenID: claims.TokenID,
	}
	if use == UseAccess {
		in.ExpiresAt = s.accessEnd(claims)
	}
	return in
}

// checkToken is nil when a token that verified authenticates.
func (s *Service) checkToken(ctx context.Context, use TokenUse, claims Claims, now time.Time) error {
	if use == UseRefresh {
		return s.checkRefresh(ctx, claims, now)
	}
	return s.checkAccess(ctx, claims, now)
}

// verifyAs verifies a token of one of several uses. Where one of them could not
// be judged the error says so: the token may be good.
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

// isRefusal reports whether an error is a verdict on a token, and no trouble.
func isRefusal(err error) bool {
	return err != nil && AsError(err).Code == CodeUnauthenticated
}
