package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

// ended is a session that a statement revoked.
type ended struct {
	id, user       string
	idle, absolute int64 // expiries
}

const endedColumns = "id, user_id, refresh_expires_at, expires_at"

func endedFields(e *ended) []any { return []any{&e.id, &e.user, &e.idle, &e.absolute} }

// live reports whether the session had not expired before it was revoked.
func (e ended) live(at int64) bool { return at < e.idle && at < e.absolute }

// RevokeSession implements [auth.Store]. An expired session is revoked, too,
// but counts as having ended before: a replica whose clock is a little behind
// may think it live.
func (s *Store) RevokeSession(ctx context.Context, userID, sessionID, reason string, at time.Time, kept ...auth.Event) (bool, error) {
	const doing = "revoke a session"
	if !isID(userID) || !isID(sessionID) {
		return false, auth.ErrNotFound
	}
	if err := checkText(reason); err != nil {
		return false, fail(doing, err)
	}
	all, err := queryKeeping(ctx, s, `UPDATE sessions SET revoked_at = @at, revoked_reason = @reason
		WHERE id = @id AND user_id = @user AND revoked_at IS NULL RETURNING `+endedColumns,
		params{"id": sessionID, "user": userID, "reason": reason, "at": micros(at)}, endedFields,
		func(all []ended) []auth.Event { return onlyIf(len(liveIDs(all, at)) > 0, kept) })
	if err != nil {
		return false, fail(doing, err)
	}
	if len(all) == 0 {
		return false, s.hasSession(ctx, userID, sessionID)
	}
	return all[0].live(micros(at)), nil
}

// hasSession returns ErrNotFound unless the user has the session.
func (s *Store) hasSession(ctx context.Context, userID, sessionID string) error {
	_, err := queryOne(ctx, s.read, `SELECT id FROM sessions WHERE id = @id AND user_id = @user`,
		params{"id": sessionID, "user": userID}, func(id *string) []any { return []any{id} })
	return fail("find a session", err)
}

// EndSessions implements [auth.Store]. BeforeCommit is called inside the
// transaction and must not use the store; it may be called more than once, and
// gets the ids of expired sessions, too, which the result leaves out.
func (s *Store) EndSessions(ctx context.Context, change auth.EndSessions, kept ...auth.Event) ([]string, error) {
	const doing = "end sessions"
	if !isID(change.UserID) {
		return nil, auth.ErrNotFound
	}
	if err := checkText(change.Reason, change.ExpectPasswordHash, change.PasswordHash); err != nil {
		return nil, fail(doing, err)
	}
	var live []string
	var refused error
	err := s.transaction(ctx, func(tx *gorm.DB) (err error) {
		live, refused = nil, nil
		if err := changeUser(tx, change); err != nil {
			return err
		}
		all, err := revokeAll(tx, change)
		if err != nil {
			return err
		}
		live, refused = liveIDs(all, change.At), beforeCommit(tx.Statement.Context, change, all)
		if refused != nil || len(live) == 0 && !change.RaiseEpoch {
			return refused
		}
		return keep(tx, counted(kept, len(live)))
	})
	if refused != nil {
		return nil, refused // the caller's own error, as it is
	}
	if err != nil {
		return nil, fail(doing, err)
	}
	return live, nil
}

// changeUser writes the user's row even where nothing of it changes: that
// locks it before any session. A login under way (see insertSession) has then
// either committed, and revokeAll sees its session, or waits, and finds the
// epoch raised.
func changeUser(tx *gorm.DB, change auth.EndSessions) error {
	set, where, p := userChange(change)
	done := tx.Exec(`UPDATE users SET `+set+` WHERE `+where, p)
	if done.Error != nil || done.RowsAffected > 0 {
		return done.Error
	}
	var n int64
	found := tx.Raw(`SELECT count(*) FROM users WHERE id = @user`, p).Scan(&n)
	switch {
	case found.Error != nil:
		return found.Error
	case n == 0:
		return auth.ErrNotFound
	}
	return auth.ErrMovedOn
}

func userChange(change auth.EndSessions) (set, where string, p params) {
	set, where = "auth_epoch = auth_epoch + @raise", "id = @user"
	p = params{"user": change.UserID, "raise": 0, "at": micros(change.At)}
	if change.RaiseEpoch {
		p["raise"] = 1
	}
	if change.Disable {
		set += ", disabled_at = COALESCE(disabled_at, @at)"
	}
	if change.ExpectPasswordHash != "" || change.PasswordHash != "" {
		set += ", password_hash = @password"
		where += " AND password_hash = @expected"
		p["password"], p["expected"] = change.PasswordHash, change.ExpectPasswordHash
	}
	if change.Disable || change.PasswordHash != "" {
		set += ", updated_at = @at"
	}
	return set, where, p
}

// revokeAll ends the sessions. A rotation of one of them that is under way
// holds its row: this statement waits and revokes the row as rotated. One that
// comes later waits for this transaction, and then finds the row revoked.
func revokeAll(tx *gorm.DB, change auth.EndSessions) ([]ended, error) {
	p := params{"user": change.UserID, "reason": change.Reason, "at": micros(change.At)}
	where := "user_id = @user AND revoked_at IS NULL"
	if isID(change.Except) {
		where += " AND id <> @except"
		p["except"] = change.Except
	}
	return collect(tx, `UPDATE sessions SET revoked_at = @at, revoked_reason = @reason
		WHERE `+where+` RETURNING `+endedColumns, p, endedFields)
}

func liveIDs(all []ended, at time.Time) (ids []string) {
	for _, e := range all {
		if e.live(micros(at)) {
			ids = append(ids, e.id)
		}
	}
	return ids
}

func beforeCommit(ctx context.Context, change auth.EndSessions, all []ended) error {
	if change.BeforeCommit == nil {
		return nil
	}
	ids := make([]string, len(all))
	for i, e := range all {
		ids[i] = e.id
	}
	return change.BeforeCommit(ctx, ids)
}
