package auth

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

// IsBlacklisted reports whether one of the caller's tokens does not
// authenticate although it verifies: it was replaced, its session was revoked,
// or it was blacklisted singly. It returns CodeBadUserInput if the token does
// not verify, CodeForbidden if it is another user's, and CodeUnavailable if it
// cannot be judged.
func (s *Service) IsBlacklisted(ctx context.Context, caller Caller, token string, c Client) (_ bool, err error) {
	ctx, now, end, err := s.begin(ctx, StepIsBlacklisted, c)
	defer end(&err)
	if err != nil {
		return false, err
	}
	use, claims, err := s.ownToken(ctx, caller, token, now)
	if err != nil {
		return false, err
	}
	v, err := s.verdict(ctx, use, claims, now)
	if err != nil {
		return false, err
	}
	return v != isCurrent, nil
}

// ownToken verifies a token, of either use, that the caller gave as an argument.
// It says that the token is not live only if the token was judged: a caller who
// blacklists a stolen token must not get that answer during an outage.
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

// BlacklistToken blacklists one of the caller's tokens, access or refresh.
// Blacklisting it again changes nothing. It returns the errors of
// [Service.IsBlacklisted], CodeRateLimited, and CodeNotFound if the session was
// deleted.
func (s *Service) BlacklistToken(ctx context.Context, caller Caller, token, reason string, c Client) (_ BlacklistedToken, err error) {
	ctx, now, end, err := s.begin(ctx, StepBlacklistToken, c)
	defer end(&err)
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
	if err := s.allow(ctx, limitBlacklist, caller.UserID); err != nil {
		return BlacklistedToken{}, err
	}
	t, err := s.blacklist(ctx, use, claims, reason,
		Event{Kind: EventTokenBlacklist, At: now, UserID: caller.UserID, SessionID: claims.SessionID, Client: c, Detail: string(use)})
	if errors.Is(err, ErrNotFound) {
		return BlacklistedToken{}, &Error{Code: CodeNotFound, Message: "the token's session is gone"}
	}
	return t, err
}

// blacklist blacklists one token of the event's user and emits the event.
func (s *Service) blacklist(ctx context.Context, use TokenUse, claims Claims, reason string, e Event) (BlacklistedToken, error) {
	t := BlacklistedToken{
		SessionID: claims.SessionID, SecretHash: HashSecret(claims.Secret), Use: use,
		Reason: reason, BlacklistedAt: e.At.Truncate(time.Microsecond), ExpiresAt: claims.ExpiresAt,
	}
	_, err := s.ownSession(ctx, e.UserID, t.SessionID)
	recorded := s.toRecord(ctx, &e)
	switch {
	case err != nil:
	case use == UseRefresh:
		_, err = s.store.BlacklistRefresh(ctx, t, recorded)
	default:
		if err = s.cache.Invalidate(ctx, Invalidation{SessionID: t.SessionID, Secret: &t.SecretHash, Until: t.ExpiresAt}); err == nil {
			t, err = s.store.BlacklistAccess(ctx, t, recorded)
		}
	}
	if err != nil {
		return BlacklistedToken{}, fmt.Errorf("blacklisting a token: %w", err)
	}
	s.changed(ctx, e, recorded)
	return t, nil
}
