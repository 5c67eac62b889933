package store

import (
	"context"
	"fmt"

	"rekey/internal/auth"
	"rekey/models"
)

var _ auth.ChangeStore = (*Store)(nil)

// BlacklistAccess implements [auth.Store].
func (s *Store) BlacklistAccess(ctx context.Context, t auth.BlacklistedToken, e *auth.Event) (auth.BlacklistedToken, error) {
	const doing = "blacklisting an access token"
	if !isID(t.SessionID) {
		return auth.BlacklistedToken{}, auth.ErrNotFound
	}
	if err := checkText(t.Reason); err != nil {
		return auth.BlacklistedToken{}, fail(doing, err)
	}
	// DO NOTHING would return no row. Writing the reason over itself returns
	// the first entry in the same statement.
	rows, err := change(ctx, s, `INSERT INTO blacklisted_tokens (`+blacklistColumns+`)
		VALUES ( @session, @secret, @use, @reason, @at, @expires)
		ON CONFLICT (session_id, secret_hash, use) DO UPDATE SET reason = blacklisted_tokens.reason
		RETURNING `+blacklistColumns,
		params{
			"session": t.SessionID, "secret": t.SecretHash[:], "use": string(auth.UseAccess),
			"reason": t.Reason, "at": micros(t.BlacklistedAt), "expires": micros(t.ExpiresAt),
		},
		func(rows []models.BlacklistedToken) []auth.Event {
			return eventsIf(rows[0].BlacklistedAt == micros(t.BlacklistedAt), e) // otherwise it was there before
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

// BlacklistRefresh implements [auth.Store]. A repetition keeps the first time.
func (s *Store) BlacklistRefresh(ctx context.Context, t auth.BlacklistedToken, e *auth.Event) (bool, error) {
	if !isID(t.SessionID) {
		return false, nil
	}
	type flag struct{ Current, First bool }
	never := auth.NoRepeat()
	flags, err := change(ctx, s, `UPDATE sessions SET
			refresh_blacklisted_at = CASE WHEN secret_hash = @secret
				THEN COALESCE(refresh_blacklisted_at, @at) ELSE refresh_blacklisted_at END,
			retry_hash = CASE WHEN previous_hash = @secret THEN @never ELSE retry_hash END
		WHERE id = @id AND (secret_hash = @secret OR previous_hash = @secret)
		RETURNING secret_hash = @secret, COALESCE(refresh_blacklisted_at, 0) = @at`,
		params{"id": t.SessionID, "secret": t.SecretHash[:], "at": micros(t.BlacklistedAt), "never": never[:]},
		func(flags []flag) []auth.Event {
			return eventsIf(len(flags) > 0 && flags[0].Current && flags[0].First, e)
		})
	return len(flags) > 0 && flags[0].Current, fail("blacklisting a refresh token", err)
}

// feedRow is a row that a change is read from. Values that its kind does not
// have are 0 or NULL.
type feedRow struct {
	Session     string
	At, Expires int64
	Secret      []byte
	Issued      int64
	Reason      string
}

// Changes implements [auth.ChangeStore]. For every kind but ChangeRotated there
// is an index in this order.
func (s *Store) Changes(ctx context.Context, kind auth.ChangeKind, after auth.ChangeCursor, limit int) ([]auth.Change, *auth.ChangeCursor, error) {
	const doing = "reading changes"
	statement, err := feedStatement(kind)
	if err != nil {
		return nil, nil, err
	}
	if !isID(after.SessionID) {
		after.SessionID = auth.MinID
	}
	var next *auth.ChangeCursor
	p := params{"at": micros(after.At), "session": after.SessionID, "secret": after.Secret[:], "limit": limit}
	if kind == auth.ChangeRotated {
		// The page is the next sessions up to last. The ids of sessions grow
		// with time, so that they are on disk in about this order. The
		// condition on the id forces this way of reading. The planner cannot be
		// left to choose, because its statistics of rotated_at are always
		// outdated.
		last, err := query[string](ctx, s, `SELECT id FROM sessions WHERE id > @session ORDER BY id LIMIT 1 OFFSET @skip`,
			params{"session": after.SessionID, "skip": limit - 1})
		if err != nil {
			return nil, nil, fail(doing, err)
		}
		p["last"] = auth.MaxID
		if len(last) > 0 {
			p["last"] = last[0]
			next = &auth.ChangeCursor{At: after.At, SessionID: last[0]}
		}
	}
	rows, err := query[feedRow](ctx, s, statement, p)
	if err != nil {
		return nil, nil, fail(doing, err)
	}
	changes := values(rows, func(r feedRow) auth.Change {
		c := auth.Change{Kind: kind, SessionID: r.Session, SecretHash: fromHashPtr(r.Secret), Reason: r.Reason, At: fromMicros(r.At)}
		if r.Expires != 0 {
			c.ExpiresAt = fromMicros(r.Expires)
		}
		if r.Issued != 0 {
			c.IssuedAt = fromMicros(r.Issued)
		}
		return c
	})
	if kind != auth.ChangeRotated && len(changes) == limit {
		last := changes[limit-1]
		next = &auth.ChangeCursor{At: last.At, SessionID: last.SessionID}
		if last.SecretHash != nil {
			next.Secret = *last.SecretHash
		}
	}
	return changes, next, nil
}

func feedStatement(kind auth.ChangeKind) (string, error) {
	switch kind {
	case auth.ChangeRevoked:
		return sessionFeed("revoked_at", "NULL, 0", "revoked_reason"), nil
	case auth.ChangeRefresh:
		return sessionFeed("refresh_blacklisted_at", "secret_hash, 0", "'blacklisted'"), nil
	case auth.ChangeRotated:
		return `SELECT id, rotated_at, 0, previous_hash, issued_at,
			CASE rotated_by WHEN '` + auth.RevokedByPasswordChange + `' THEN rotated_by ELSE 'rotated' END FROM sessions
			WHERE id > @session AND id <= @last AND rotated_at > @at`, nil
	case auth.ChangeAccess:
		return `SELECT session_id, blacklisted_at, expires_at, secret_hash, 0, 'blacklisted' FROM blacklisted_tokens
			WHERE (blacklisted_at, session_id, secret_hash) > ( @at, @session, @secret)
			ORDER BY blacklisted_at, session_id, secret_hash LIMIT @limit`, nil
	}
	return "", fmt.Errorf("unknown kind of change: %q", string(kind))
}

// sessionFeed selects sessions by one of their times. Each session has at most
// one entry.
func sessionFeed(at, secretAndIssued, reason string) string {
	return fmt.Sprintf(`SELECT id, %[1]s, 0, %[2]s, %[3]s FROM sessions
		WHERE %[1]s IS NOT NULL AND (%[1]s, id) > ( @at, @session) ORDER BY %[1]s, id LIMIT @limit`,
		at, secretAndIssued, reason)
}
