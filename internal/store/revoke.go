package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

// revokedRow is a session that a statement revoked.
type revokedRow struct {
	ID, UserID      string
	Idle, ExpiresAt int64 // expiries
}

const revokedColumns = "id, user_id, refresh_expires_at, expires_at"

// live reports whether the session had not expired before it was revoked.
func (r revokedRow) live(at time.Time) bool { return micros(at) < min(r.Idle, r.ExpiresAt) }

// liveOnes returns the rows of sessions that had not expired.
func liveOnes(rows []revokedRow, at time.Time) []revokedRow {
	return slices.DeleteFunc(slices.Clone(rows), func(r revokedRow) bool { return !r.live(at) })
}

func ids(rows []revokedRow) []string {
	return values(rows, func(r revokedRow) string { return r.ID })
}

// RevokeSession implements [auth.Store]. It revokes an expired session too, but
// returns false for it: a replica whose clock is behind may take it for live.
func (s *Store) RevokeSession(ctx context.Context, userID, sessionID, reason string, at time.Time, e *auth.Event) (bool, error) {
	const doing = "revoking a session"
	if !isID(userID) || !isID(sessionID) {
		return false, auth.ErrNotFound
	}
	if err := checkText(reason); err != nil {
		return false, fail(doing, err)
	}
	rows, err := change(ctx, s, `UPDATE sessions SET revoked_at = @at, revoked_reason = @reason
		WHERE id = @id AND user_id = @user AND revoked_at IS NULL RETURNING `+revokedColumns,
		params{"id": sessionID, "user": userID, "reason": reason, "at": micros(at)},
		func(rows []revokedRow) []auth.Event { return eventsIf(len(liveOnes(rows, at)) > 0, e) })
	if err != nil {
		return false, fail(doing, err)
	}
	if len(rows) > 0 {
		return rows[0].live(at), nil
	}
	_, err = queryOne[string](ctx, s, `SELECT id FROM sessions WHERE id = @id AND user_id = @user`,
		params{"id": sessionID, "user": userID})
	return false, fail("finding a session", err)
}

// EndSessions implements [auth.Store]. It calls BeforeCommit inside the
// transaction, possibly more than once. BeforeCommit must not use the store. It
// also gets the ids of expired sessions, which are not in the result.
func (s *Store) EndSessions(ctx context.Context, end auth.EndSessions, e *auth.Event) ([]string, error) {
	if end.Start != nil {
		if err := checkSession(*end.Start); err != nil {
			return nil, fail("starting a session", err)
		}
	}
	return s.endSessions(ctx, end, e, func(tx *gorm.DB) error {
		if end.Start == nil {
			return nil
		}
		session := sessionRow(*end.Start)
		if err := tx.Create(&session).Error; err != nil {
			return err
		}
		return record(tx, eventsIf(true, end.StartEvent))
	})
}

// EndOtherSessions implements [auth.Store].
func (s *Store) EndOtherSessions(
	ctx context.Context, end auth.EndSessions, own auth.Rotation, e *auth.Event,
) (st auth.SessionState, ids []string, err error) {
	const doing = "rotating the remaining session"
	if !isID(own.SessionID) || !isID(own.UserID) {
		return st, nil, auth.ErrMovedOn
	}
	if err := checkText(own.UserAgent, own.IPAddress, string(own.Transport)); err != nil {
		return st, nil, fail(doing, err)
	}
	end.Except = own.SessionID
	ids, err = s.endSessions(ctx, end, e, func(tx *gorm.DB) (err error) {
		st, err = s.rotateIn(tx, &own, end.Method, rotateLive)
		return err
	})
	return st, ids, err
}

// endSessions calls also in the transaction, after the sessions were revoked.
func (s *Store) endSessions(ctx context.Context, end auth.EndSessions, e *auth.Event, also func(tx *gorm.DB) error) ([]string, error) {
	const doing = "revoking a user's sessions"
	if !isID(end.UserID) {
		return nil, auth.ErrNotFound
	}
	if err := checkText(end.Reason, end.ExpectPasswordHash, end.PasswordHash); err != nil {
		return nil, fail(doing, err)
	}
	if end.Issue != nil {
		if err := checkToken(*end.Issue); err != nil {
			return nil, fail(doing, err)
		}
	}
	if a := end.Address; a != nil {
		if err := checkText(a.Email, a.EmailKey); err != nil {
			return nil, fail(doing, err)
		}
	}
	var live []revokedRow
	var refused error
	err := s.transaction(ctx, func(tx *gorm.DB) (err error) {
		live, refused = nil, nil
		if err := changeUser(tx, end); err != nil {
			return err
		}
		if err := redeem(tx, end.UserID, end.Redeem, end.At); err != nil {
			return err
		}
		if err := voidTokensAt(tx, end); err != nil {
			return err
		}
		if end.Issue != nil {
			token := tokenRow(*end.Issue)
			if err := tx.Create(&token).Error; err != nil {
				return err
			}
		}
		all, err := revokeAll(tx, end)
		if err != nil {
			return err
		}
		if err := also(tx); err != nil {
			return err
		}
		live = liveOnes(all, end.At)
		if end.BeforeCommit != nil {
			refused = end.BeforeCommit(tx.Statement.Context, ids(all))
		}
		if refused != nil || len(live) == 0 && !end.RaiseEpoch {
			return refused
		}
		return record(tx, counted(e, len(live)))
	})
	if refused != nil {
		return nil, refused // the caller's own error, unchanged
	}
	if emailTaken(err) {
		return nil, auth.ErrEmailTaken
	}
	if err != nil {
		return nil, fail(doing, err)
	}
	return ids(live), nil
}

// voidTokensAt voids the one-time tokens that a change makes invalid.
func voidTokensAt(tx *gorm.DB, end auth.EndSessions) error {
	if end.RaiseEpoch {
		if err := voidTokens(tx, end.UserID); err != nil {
			return err
		}
	}
	if end.VoidUndos {
		if err := voidUndos(tx, end.UserID); err != nil {
			return err
		}
	}
	return voidLaterUndos(tx, end.UserID, end.Redeem)
}

// changeUser writes the user's row even if nothing in it changes, because that
// locks the row before any session is revoked. A login in progress (see
// CreateSession) has then either committed, and revokeAll sees its session, or
// it waits and finds the epoch raised.
func changeUser(tx *gorm.DB, end auth.EndSessions) error {
	set, where, p := userChange(end)
	done := tx.Exec(`UPDATE users SET `+set+` WHERE `+where, p)
	if done.Error != nil {
		return done.Error
	}
	if done.RowsAffected > 0 {
		if end.Address == nil {
			return nil
		}
		return checkReserved(tx, end.Address.EmailKey, end.UserID, end.At)
	}
	found, err := collect[int](tx, `SELECT 1 FROM users WHERE id = @user`, p)
	switch {
	case err != nil:
		return err
	case len(found) == 0:
		return auth.ErrNotFound
	}
	return auth.ErrMovedOn
}

func userChange(end auth.EndSessions) (set, where string, p params) {
	const raise = "auth_epoch = auth_epoch + @raise"
	set, where = raise, "id = @user"
	p = params{"user": end.UserID, "raise": 0, "at": micros(end.At)}
	if end.RaiseEpoch {
		p["raise"] = 1
	}
	if end.Disable {
		set += ", disabled_at = COALESCE(disabled_at, @at)"
	}
	if end.DeleteAt != nil {
		set += ", delete_at = @delete"
		where += " AND (delete_at IS NULL OR delete_at > @delete)"
		p["delete"] = micros(*end.DeleteAt)
	}
	if end.ExpectPasswordHash != "" || end.PasswordHash != "" {
		set += ", password_hash = @password"
		where += " AND password_hash = @expected"
		p["password"], p["expected"] = end.PasswordHash, end.ExpectPasswordHash
	}
	if end.ExpectEpoch != nil {
		where += " AND auth_epoch = @epoch"
		p["epoch"] = *end.ExpectEpoch
	}
	if end.ExpectUnverified {
		where += " AND email_verified_at IS NULL"
	}
	if end.VerifyEmail && end.Address == nil {
		set += ", email_verified_at = COALESCE(email_verified_at, @at)"
	}
	if end.Address != nil {
		set += ", email = @email, email_key = @email_key, email_verified_at = @verified"
		p["email"], p["email_key"], p["verified"] = end.Address.Email, end.Address.EmailKey, nil
		if end.Address.Verified {
			p["verified"] = micros(end.At)
		}
	}
	if end.RemovePassword {
		set += ", password_hash = ''"
	}
	if end.CancelDeletion {
		set += ", delete_at = NULL"
	}
	if set != raise {
		set += ", updated_at = @at"
	}
	return set, where, p
}

// revokeAll revokes the sessions. A rotation in progress holds the row of its
// session: this statement waits for it and revokes the row as rotated. A later
// rotation waits for this transaction and then finds the row revoked.
func revokeAll(tx *gorm.DB, end auth.EndSessions) ([]revokedRow, error) {
	p := params{"user": end.UserID, "reason": end.Reason, "at": micros(end.At)}
	where := "user_id = @user AND revoked_at IS NULL"
	if isID(end.Except) {
		where += " AND id <> @except"
		p["except"] = end.Except
	}
	return collect[revokedRow](tx, `UPDATE sessions SET revoked_at = @at, revoked_reason = @reason
		WHERE `+where+` RETURNING `+revokedColumns, p)
}

// RevokeSurplus implements [auth.Store]. It locks the user's row as EndSessions
// does. The statement that revokes begins afterwards and sees what all those did
// that had the lock before.
func (s *Store) RevokeSurplus(ctx context.Context, surplus auth.SurplusSessions, e *auth.Event) ([]string, error) {
	const doing = "revoking the sessions over the maximum"
	if !isID(surplus.UserID) || !isID(surplus.Own) {
		return nil, auth.ErrNotFound
	}
	if err := checkText(surplus.Reason); err != nil {
		return nil, fail(doing, err)
	}
	var revoked []string
	var refused error
	err := s.transaction(ctx, func(tx *gorm.DB) error {
		revoked, refused = nil, nil
		if err := changeUser(tx, auth.EndSessions{UserID: surplus.UserID, At: surplus.At}); err != nil {
			return err
		}
		rows, err := collect[revokedRow](tx, `UPDATE sessions SET revoked_at = @now, revoked_reason = @reason
			WHERE revoked_at IS NULL AND EXISTS (SELECT 1 FROM sessions WHERE id = @own AND user_id = @user AND revoked_at IS NULL)
			AND id IN (SELECT id FROM sessions WHERE id <> @own AND `+liveSessions+`
				ORDER BY last_seen_at DESC, id DESC LIMIT @limit OFFSET @keep)
			RETURNING `+revokedColumns,
			params{
				"user": surplus.UserID, "own": surplus.Own, "keep": surplus.Keep, "limit": surplus.Limit,
				"reason": surplus.Reason, "now": micros(surplus.At),
			})
		if err != nil || len(rows) == 0 {
			return err
		}
		revoked = ids(rows)
		if surplus.BeforeCommit != nil {
			refused = surplus.BeforeCommit(tx.Statement.Context, revoked)
		}
		if refused != nil {
			return refused
		}
		return record(tx, forEach(rows, e))
	})
	if refused != nil {
		return nil, refused // the caller's own error, unchanged
	}
	if err != nil {
		return nil, fail(doing, err)
	}
	return revoked, nil
}

// SessionsBegunBefore implements [auth.Store]. Pages follow the primary key, so
// that revoking all sessions reads each of them once.
func (s *Store) SessionsBegunBefore(ctx context.Context, before time.Time, after string, limit int) ([]string, error) {
	if !isID(after) {
		after = auth.MinID
	}
	list, err := query[string](ctx, s, `SELECT id FROM sessions
		WHERE id > @after AND revoked_at IS NULL AND created_at < @before ORDER BY id LIMIT @limit`,
		params{"after": after, "before": micros(before), "limit": limit})
	return list, fail("listing old sessions", err)
}

// RevokeSessions implements [auth.Store]. It revokes expired sessions too, as
// RevokeSession does. If two calls revoke the same sessions, Postgres may roll
// one of them back to resolve a deadlock; that one is then retried.
func (s *Store) RevokeSessions(ctx context.Context, sessionIDs []string, reason string, at time.Time, e *auth.Event) ([]string, error) {
	const doing = "revoking sessions"
	if err := checkText(reason); err != nil {
		return nil, fail(doing, err)
	}
	sessionIDs = slices.DeleteFunc(slices.Clone(sessionIDs), func(id string) bool { return !isID(id) })
	if len(sessionIDs) == 0 {
		return nil, nil
	}
	rows, err := change(ctx, s, `UPDATE sessions SET revoked_at = @at, revoked_reason = @reason
		WHERE id IN @ids AND revoked_at IS NULL RETURNING `+revokedColumns,
		params{"ids": sessionIDs, "reason": reason, "at": micros(at)},
		func(rows []revokedRow) []auth.Event { return forEach(liveOnes(rows, at), e) })
	if err != nil {
		return nil, fail(doing, err)
	}
	return ids(liveOnes(rows, at)), nil
}
