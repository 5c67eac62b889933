package auth

import (
	"context"
	"fmt"
	"time"
)

// grant signs the pair that a session's row describes.
func (s *Service) grant(ctx context.Context, u User, sess Session, secret string, now time.Time) (Grant, error) {
	claims := Claims{
		User: ClaimsUser{
			ID: u.ID, Name: u.Name, Email: u.Email, EmailVerifiedAt: u.EmailVerifiedAt,
			CreatedAt: u.CreatedAt, UpdatedAt: u.UpdatedAt,
		},
		SessionID: sess.ID,
		Secret:    secret,
		IssuedAt:  sess.IssuedAt,
		ExpiresAt: sess.AccessExpiresAt,
	}
	access, refresh, err := s.sign(ctx, claims, sess.RefreshExpiresAt)
	if err != nil {
		return Grant{}, err
	}
	s.confirmed.add(claims) // they are those of the row
	return Grant{
		AccessToken: access, RefreshToken: refresh,
		AccessExpiresAt: sess.AccessExpiresAt, RefreshExpiresAt: sess.RefreshExpiresAt,
		ServerTime: now, User: u, Session: sess,
	}, nil
}

// sign mints both tokens of a pair. claims are those of the access token.
func (s *Service) sign(ctx context.Context, claims Claims, refreshExpiresAt time.Time) (access, refresh string, err error) {
	_, end := observe(ctx, s.observer, StepSign, Client{})
	defer end(&err)
	if access, err = s.tokens.Mint(UseAccess, claims); err != nil {
		return "", "", fmt.Errorf("minting an access token: %w", err)
	}
	claims.ExpiresAt = refreshExpiresAt
	if refresh, err = s.tokens.Mint(UseRefresh, claims); err != nil {
		return "", "", fmt.Errorf("minting a refresh token: %w", err)
	}
	return access, refresh, nil
}

// newSession returns a new session of a user and its secret, which is derived from
// the idempotency key if retry is its hash, and random if retry is nil. The caller
// has checked the clock: other replicas would refuse the tokens of a skewed one.
func (s *Service) newSession(ctx context.Context, userID string, methods []Method, retry *SecretHash, now time.Time, c Client) (Session, string) {
	id := NewID(now).String()
	logSession(ctx, id)
	secret := newSecret()
	if retry != nil {
		secret = deriveFirstSecret(s.rotationKeys()[0], id, *retry)
	}
	iat := now.Truncate(time.Second)
	end := iat.Add(s.settings.SessionTTL)
	return Session{
		ID: id, UserID: userID, Generation: 1, SecretHash: HashSecret(secret), RetryHash: retry,
		IssuedAt:         iat,
		AccessExpiresAt:  earlier(iat.Add(s.settings.AccessTTL), end),
		RefreshExpiresAt: earlier(iat.Add(s.settings.RefreshTTL), end),
		ExpiresAt:        end,
		UserAgent:        c.UserAgent, IPAddress: c.Address,
		CreatedAt: now, LastSeenAt: now, AuthenticatedAt: now, Methods: methods,
	}, secret
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}
