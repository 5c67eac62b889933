package store

import (
	"context"
	"errors"

	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/models"
)

// BlacklistAccess implements [auth.Store]. ErrNotFound when there is no such
// session.
func (s *Store) BlacklistAccess(ctx context.Context, t auth.BlacklistedToken) (auth.BlacklistedToken, error) {
	const doing = "blacklist an access token"
	if !isID(t.SessionID) {
		return auth.BlacklistedToken{}, auth.ErrNotFound
	}
	if err := checkText(t.Reason); err != nil {
		return auth.BlacklistedToken{}, fail(doing, err)
	}
	// DO NOTHING would return no row; writing the reason over itself returns
	// the first note, in one statement.
	row, err := queryOne(ctx, s.write, `INSERT INTO blacklisted_tokens
			(session_id, secret_hash, use, reason, blacklisted_at, expires_at)
		VALUES ( @session, @secret, @use, @reason, @at, @expires)
		ON CONFLICT (session_id, secret_hash, use) DO UPDATE SET reason = blacklisted_tokens.reason
		RETURNING reason, blacklisted_at, expires_at`,
		params{
			"session": t.SessionID, "secret": t.SecretHash[:], "use": string(auth.UseAccess),
			"reason": t.Reason, "at": micros(t.BlacklistedAt), "expires": micros(t.ExpiresAt),
		}, func(r *models.BlacklistedToken) []any { return []any{&r.Reason, &r.BlacklistedAt, &r.ExpiresAt} })
	if violatesForeignKey(err) {
		return auth.BlacklistedToken{}, auth.ErrNotFound
	}
	if err != nil {
		return auth.BlacklistedToken{}, fail(doing, err)
	}
	t.Use, t.Reason = auth.UseAccess, row.Reason
	t.BlacklistedAt, t.ExpiresAt = fromMicros(row.BlacklistedAt), fromMicros(row.ExpiresAt)
	return t, nil
}

// BlacklistRefresh implements [auth.Store]. Repeating it keeps the first time;
// false also when there is no such session.
func (s *Store) BlacklistRefresh(ctx context.Context, t auth.BlacklistedToken) (bool, error) {
	if !isID(t.SessionID) {
		return false, nil
	}
	never := auth.NoRepeat()
	current, err := queryOne(ctx, s.write, `UPDATE sessions SET
			refresh_blacklisted_at = CASE WHEN secret_hash = @secret
				THEN COALESCE(refresh_blacklisted_at, @at) ELSE refresh_blacklisted_at END,
			retry_hash = CASE WHEN previous_hash = @secret THEN @never ELSE retry_hash END
		WHERE id = @id AND (secret_hash = @secret OR previous_hash = @secret)
		RETURNING secret_hash = @secret`,
		params{"id": t.SessionID, "secret": t.SecretHash[:], "at": micros(t.BlacklistedAt), "never": never[:]},
		func(current *bool) []any { return []any{current} })
	if errors.Is(err, gorm.ErrRecordNotFound) {
		return false, nil
	}
	return current, fail("blacklist a refresh token", err)
}
