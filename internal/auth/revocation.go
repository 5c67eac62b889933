package auth

import (
	"context"
	"errors"
	"time"
)

// RevokeToken ends what a program presents (RFC 7009): a refresh token with its
// session, used and expired ones too, as [Service.Logout] does; of an access
// token that token alone. When it returns nil the token is worth nothing, and
// maybe never was.
//
// Errors: CodeForbidden without ScopeRevoke; CodeBadUserInput for what is no
// token of this kind, an API key; CodeUnavailable when nothing is known to have
// changed.
func (s *Service) RevokeToken(ctx context.Context, caller APIKeyCaller, token string, c Client) (err error) {
	ctx, end := observe(ctx, s.observer, StepRevokeToken, c)
	defer end(&err)
	if err := caller.Require(ScopeRevoke); err != nil {
		return err
	}
	if IsAPIKey(token) {
		return BadInput("token", "API keys are revoked with: rekey apikeys revoke")
	}
	now, err := s.start()
	if err != nil {
		return err
	}
	use, claims, err := s.verifyAs(ctx, s.tokens.VerifyExpired, token, now, UseAccess, UseRefresh)
	switch {
	case isRefusal(err):
		return nil
	case err != nil:
		return err
	case use == UseRefresh:
		err = s.revokeFor(ctx, caller, claims, now, c)
	default:
		err = s.blacklistFor(ctx, caller, claims, now, c)
	}
	if errors.Is(err, ErrNotFound) {
		return nil // its session is gone
	}
	return err
}

// revokeFor ends the session of a refresh token.
func (s *Service) revokeFor(ctx context.Context, caller APIKeyCaller, claims Claims, now time.Time, c Client) error {
	_, err := s.revoke(ctx, RevokedByService, Event{
		Kind: EventSessionRevoked, At: now, UserID: claims.User.ID, SessionID: claims.SessionID, Client: caller.client(c),
		Detail: RevokedByService, Count: 1,
	})
	return err
}

// blacklistFor blacklists one access token while it lives.
func (s *Service) blacklistFor(ctx context.Context, caller APIKeyCaller, claims Claims, now time.Time, c Client) error {
	if !now.Before(claims.ExpiresAt) {
		return nil
	}
	_, err := s.blacklist(ctx, BlacklistedToken{
		SessionID: claims.SessionID, SecretHash: HashSecret(claims.Secret), Use: UseAccess, Reason: byKey(caller),
		BlacklistedAt: now.Truncate(time.Microsecond), ExpiresAt: claims.ExpiresAt,
	}, Event{Kind: EventTokenBlacklist, At: now, UserID: claims.User.ID, SessionID: claims.SessionID, Client: caller.client(c), Detail: string(UseAccess)})
	return err
}

func byKey(caller APIKeyCaller) string { return "api key " + caller.Prefix }

// client is where a call of the program's comes from.
func (k APIKeyCaller) client(c Client) Client {
	c.Actor = ActorAPIKey + k.Prefix
	return c
}
