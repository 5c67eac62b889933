package auth

import (
	"context"
	"errors"
	"time"
)

// Introspection describes a token to a program that received it. All other
// fields are zero if the token is not Active.
type Introspection struct {
	Active    bool
	Use       TokenUse
	UserID    string
	SessionID string
	IssuedAt  time.Time
	NotBefore time.Time
	ExpiresAt time.Time // unless it is revoked earlier
	// Issuer, Audience and TokenID are those of the token, if it has them.
	Issuer   string
	Audience []string
	TokenID  string
}

// Introspect reports to a program whether a token authenticates now (RFC 7662).
// It judges access tokens as [Service.Authenticate] does. It judges refresh
// tokens if the key has ScopeIntrospectRefresh: they are active if a refresh
// would replace them. It does not reveal why a token is not active.
//
// It returns CodeForbidden without ScopeIntrospect, and CodeUnavailable if the
// token cannot be judged.
func (s *Service) Introspect(ctx context.Context, caller APIKeyCaller, token string, c Client) (_ Introspection, err error) {
	ctx, now, end, err := s.begin(ctx, StepIntrospect, c)
	defer end(&err)
	if err == nil {
		err = caller.Require(ScopeIntrospect)
	}
	if err != nil {
		return Introspection{}, err
	}
	uses := []TokenUse{UseAccess}
	if caller.Require(ScopeIntrospectRefresh) == nil {
		uses = append(uses, UseRefresh)
	}
	use, claims, err := s.verifyAs(ctx, s.tokens.Verify, token, now, uses...)
	if err == nil {
		err = s.check(ctx, use, claims, now)
	}
	if isRefusal(err) {
		return Introspection{}, nil
	}
	if err != nil {
		return Introspection{}, err
	}
	in := Introspection{
		Active: true, Use: use, UserID: claims.User.ID, SessionID: claims.SessionID,
		IssuedAt: claims.IssuedAt, NotBefore: claims.IssuedAt.Add(-time.Second), ExpiresAt: claims.ExpiresAt,
		Issuer: claims.Issuer, Audience: claims.Audience, TokenID: claims.TokenID,
	}
	if use == UseAccess {
		in.ExpiresAt = s.accessEnd(claims)
	}
	return in, nil
}

// RevokeToken invalidates the token that a program presents (RFC 7009). For a
// refresh token, used or expired ones too, it revokes the session, as
// [Service.Logout] does. For an access token, it blacklists that token alone. A
// nil error means that the token is invalid now. It may have been invalid before.
//
// It returns CodeForbidden without ScopeRevoke, CodeBadUserInput for an API key,
// and CodeUnavailable if it is not certain that anything changed.
func (s *Service) RevokeToken(ctx context.Context, caller APIKeyCaller, token string, c Client) (err error) {
	ctx, now, end, err := s.begin(ctx, StepRevokeToken, c)
	defer end(&err)
	if err == nil {
		err = caller.Require(ScopeRevoke)
	}
	if err != nil {
		return err
	}
	if IsAPIKey(token) {
		return BadInput("token", "API keys are revoked with: rekey apikeys revoke")
	}
	use, claims, err := s.verifyAs(ctx, s.tokens.VerifyExpired, token, now, UseAccess, UseRefresh)
	if err != nil {
		if isRefusal(err) {
			return nil
		}
		return err
	}
	c.Actor = ActorAPIKey + caller.Prefix
	e := Event{At: now, UserID: claims.User.ID, SessionID: claims.SessionID, Client: c}
	switch {
	case use == UseRefresh:
		e.Kind, e.Detail, e.Count = EventSessionRevoked, RevokedByService, 1
		_, err = s.revoke(ctx, RevokedByService, e)
	case now.Before(claims.ExpiresAt):
		e.Kind, e.Detail = EventTokenBlacklist, string(UseAccess)
		_, err = s.blacklist(ctx, UseAccess, claims, "api key "+caller.Prefix, e)
	}
	if errors.Is(err, ErrNotFound) {
		return nil // the session was deleted
	}
	return err
}
