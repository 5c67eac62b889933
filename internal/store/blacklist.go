package store

import (
	"context"

	"rekey/internal/auth"
	"rekey/models"
)

// BlacklistAccess implements [auth.Store]. ErrNotFound when there is no such
// session.
func (s *Store) BlacklistAccess(ctx context.Context, t auth.BlacklistedToken, kept ...auth.Event) (auth.BlacklistedToken, error) {
	const doing = "blacklist an access token"
	if !isID(t.SessionID) {
		return auth.BlacklistedToken{}, auth.ErrNotFound
	}
	if err := checkText(t.Reason); err != nil {
		return auth.BlacklistedToken{}, fail(doing, err)
	}
	// DO NOTHING would return no row; writing the reason over itself returns
	// the first note, in one statement.
	rows, err := queryKeeping(ctx, s, `INSERT INTO blacklisted_tokens
			(session_id, secret_hash, use, reason, blacklisted_at, expires_at)
		VALUES ( @session, @secret, @use, @reason, @at, @expires)
		ON CONFLICT (session_id, secret_hash, use) DO UPDATE SET reason = blacklisted_tokens.reason
		RETURNING reason, blacklisted_at, expires_at`,
		params{
			"session": t.SessionID, "secret": t.SecretHash[:], "use": string(auth.UseAccess),
			"reason": t.Reason, "at": micros(t.BlacklistedAt), "expires": micros(t.ExpiresAt),
		},
		func(r *models.BlacklistedToken) []any { return []any{&r.Reason, &r.BlacklistedAt, &r.ExpiresAt} },
		func(rows []models.BlacklistedToken) []auth.Event {
			return onlyIf(rows[0].BlacklistedAt == micros(t.BlacklistedAt), kept) // else it was there before
		})
	if violatesForeignKey(err) {
		return auth.BlacklistedToken{}, auth.ErrNotFound
	}
	if err != nil {
		return auth.BlacklistedToken{}, fail(doing, err)
	}
	t.Use, t.Reason = auth.UseAccess, rows[0].Reason
	t.BlacklistedAt, t.ExpiresAt = fromMicros(rows[0].BlacklistedAt), fromMicros(rows[0].ExpiresAt)
	return t, nil
}

// BlacklistRefresh implements [auth.Store]. Repeating it keeps the first time;
// false also when there is no such session.
func (s *Store) BlacklistRefresh(ctx context.Context, t auth.BlacklistedToken, kept ...auth.Event) (bool, error) {
	if !isID(t.SessionID) {
		return false, nil
	}
	type flag struct{ current, first bool }
	never := auth.NoRepeat()
	flags, err := queryKeeping(ctx, s, `UPDATE sessions SET
			refresh_blacklisted_at = CASE WHEN secret_hash = @secret
				THEN COALESCE(refresh_blacklisted_at, @at) ELSE refresh_blacklisted_at END,
			retry_hash = CASE WHEN previous_hash = @secret THEN @never ELSE retry_hash END
		WHERE id = @id AND (secret_hash = @secret OR previous_hash = @secret)
		RETURNING secret_hash = @secret, COALESCE(refresh_blacklisted_at, 0) = @at`,
		params{"id": t.SessionID, "secret": t.SecretHash[:], "at": micros(t.BlacklistedAt), "never": never[:]},
		func(f *flag) []any { return []any{&f.current, &f.first} },
		func(flags []flag) []auth.Event {
			return onlyIf(len(flags) > 0 && flags[0].current && flags[0].first, kept)
		})
	return len(flags) > 0 && flags[0].current, fail("blacklist a refresh token", err)
}
