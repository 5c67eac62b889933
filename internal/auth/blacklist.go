package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// IsBlacklisted reports whether a token of the caller's must not authenticate
// though it verifies: rotated away, its session ended, or blacklisted singly.
// CodeBadUserInput when it does not verify, CodeForbidden when it is another
// user's, CodeUnavailable when it cannot be judged.
func (s *Service) IsBlacklisted(ctx context.Context, caller Caller, token string, c Client) (_ bool, err error) {
	ctx, end := observe(ctx, s.observer, StepIsBlacklisted, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return false, err
	}
	use, claims, err := s.ownToken(ctx, caller, token, now)
	if err != nil {
		return false, err
	}
	v, err := s.tokenVerdict(ctx, use, claims, now)
	if err != nil {
		return false, err
	}
	return v != isCurrent, nil
}

func (s *Service) tokenVerdict(ctx context.Context, use TokenUse, claims Claims, now time.Time) (verdict, error) {
	if use == UseRefresh {
		return s.refreshVerdict(ctx, claims, now)
	}
	if !canonicalID(claims.SessionID) {
		return isMissing, nil
	}
	return s.accessVerdict(ctx, claims, now)
}

// ownToken verifies a token given as an argument, of either use. Only a verdict
// is told as one: whoever blacklists a stolen token must not hear that it is
// none while nobody could judge it.
func (s *Service) ownToken(ctx context.Context, caller Caller, token string, now time.Time) (TokenUse, Claims, error) {
	use, claims, err := s.verifyAs(ctx, s.tokens.Verify, token, now, UseAccess, UseRefresh)
	switch {
	case isRefusal(err):
		return "", Claims{}, BadInput("token", "token is not a live access or refresh token")
	case err != nil:
		return "", Claims{}, err
	case claims.User.ID != caller.UserID:
		return "", Claims{}, &Error{Code: CodeForbidden, Message: "token is not yours"}
	}
	return use, claims, nil
}

// BlacklistToken blacklists one access or refresh token of the caller's.
// Repeating it changes nothing. Errors as [Service.IsBlacklisted], and
// CodeNotFound when its session is gone.
func (s *Service) BlacklistToken(ctx context.Context, caller Caller, token, reason string, c Client) (_ BlacklistedToken, err error) {
	ctx, end := observe(ctx, s.observer, StepBlacklistToken, c)
	defer end(&err)
	now, err := s.start()
	if err != nil {
		return BlacklistedToken{}, err
	}
	reason = strings.TrimSpace(reason)
	if !plainText(reason, maxReason) {
		return BlacklistedToken{}, BadInput("reason", fmt.Sprintf("reason must have at most %d characters, "+plainTextRule, maxReason))
	}
	use, claims, err := s.ownToken(ctx, caller, token, now)
	if err != nil {
		return BlacklistedToken{}, err
	}
	t, err := s.blacklist(ctx, BlacklistedToken{
		SessionID: claims.SessionID, SecretHash: HashSecret(claims.Secret), Use: use,
		Reason: reason, BlacklistedAt: now.Truncate(time.Microsecond), ExpiresAt: claims.ExpiresAt,
	}, Event{Kind: EventTokenBlacklist, At: now, UserID: caller.UserID, SessionID: claims.SessionID, Client: c, Detail: string(use)})
	if errors.Is(err, ErrNotFound) {
		return BlacklistedToken{}, &Error{Code: CodeNotFound, Message: "the token's session is gone"}
	}
	if err != nil {
		return BlacklistedToken{}, err
	}
	return t, nil
}

// blacklist blacklists one token of the event's user, and tells the event.
func (s *Service) blacklist(ctx context.Context, t BlacklistedToken, e Event) (BlacklistedToken, error) {
	if _, err := s.ownSession(ctx, Caller{UserID: e.UserID}, t.SessionID); err != nil {
		return t, err
	}
	if t.Use == UseRefresh {
		if _, err := s.store.BlacklistRefresh(ctx, t, e); err != nil {
			return t, fmt.Errorf("blacklisting a refresh token: %w", err)
		}
		s.events.Emit(ctx, e)
		return t, nil
	}
	if err := s.cache.Invalidate(ctx, Invalidation{SessionID: t.SessionID, Secret: &t.SecretHash, Until: t.ExpiresAt}); err != nil {
		return t, err
	}
	t, err := s.store.BlacklistAccess(ctx, t, e)
	if err != nil {
		return t, fmt.Errorf("blacklisting an access token: %w", err)
	}
	s.events.Emit(ctx, e)
	return t, nil
}
