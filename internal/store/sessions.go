package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/models"
)

func checkSession(sess auth.Session) error {
	if err := checkIDs(sess.ID, sess.UserID); err != nil {
		return err
	}
	return checkText(sess.UserAgent, sess.IPAddress, sess.RevokedReason, string(sess.RotatedBy))
}

// unchangedUser is the condition that the user is as the login found it.
const unchangedUser = `id = @user AND auth_epoch = @epoch AND password_hash = @password AND disabled_at IS NULL`

// CreateSession implements [auth.Store].
//
// FOR SHARE makes the insert wait for a change of the user that is in progress,
// and then sees the user as changed. A later change waits for the insert. The
// check of the foreign key would not do: it takes FOR KEY SHARE, which does not
// conflict with raising the epoch.
//
// The password's hash is replaced before the insert, because that locks the
// user's row in the mode that the transaction needs. With FOR SHARE first, two
// logins that both replace the hash would deadlock.
func (s *Store) CreateSession(
	ctx context.Context, sess auth.Session, epoch int64, passwordHash, rehash string, e *auth.Event,
) (others int, err error) {
	const doing = "creating a session"
	if err := checkSession(sess); err != nil {
		return 0, fail(doing, err)
	}
	if err := checkText(passwordHash, rehash); err != nil {
		return 0, fail(doing, err)
	}
	row := sessionRow(sess)
	insert := `INSERT INTO sessions (` + sessionColumns + `) SELECT ` + each(sessionColumns, "@", "") + `
		FROM users WHERE ` + unchangedUser + ` ` + s.dialect.forShare + `
		RETURNING (SELECT count(*) FROM sessions WHERE id <> @id AND ` + liveSessions + `)`
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		p := rowParams(sessionColumns, &row)
		p["user"], p["epoch"], p["password"], p["now"] = sess.UserID, epoch, passwordHash, row.CreatedAt
		if rehash != "" {
			p["rehash"] = rehash
			done := tx.Exec(`UPDATE users SET password_hash = @rehash WHERE `+unchangedUser, p)
			if done.Error != nil {
				return done.Error
			}
			if done.RowsAffected == 0 {
				return auth.ErrMovedOn
			}
			p["password"] = rehash
		}
		counts, err := collect[int](tx, insert, p)
		if err != nil {
			return err
		}
		if len(counts) == 0 {
			return auth.ErrMovedOn
		}
		others = counts[0]
		return record(tx, eventsIf(true, e))
	})
	return others, fail(doing, err)
}

// liveSessions is the condition that a session of the user is neither revoked
// nor expired.
const liveSessions = `user_id = @user AND revoked_at IS NULL AND expires_at > @now AND refresh_expires_at > @now`

// Sessions implements [auth.Store].
func (s *Store) Sessions(ctx context.Context, userID string, now time.Time, limit int) ([]auth.Session, error) {
	if !isID(userID) {
		return nil, nil
	}
	rows, err := query[models.Session](ctx, s, `SELECT `+sessionColumns+` FROM sessions
		WHERE `+liveSessions+` ORDER BY created_at DESC, id DESC LIMIT @limit`,
		params{"user": userID, "now": micros(now), "limit": limit})
	if err != nil {
		return nil, fail("listing sessions", err)
	}
	return values(rows, fromSessionRow), nil
}

// SurplusSessions implements [auth.Store].
func (s *Store) SurplusSessions(ctx context.Context, userID, own string, now time.Time, keep, limit int) ([]string, error) {
	if !isID(userID) || !isID(own) {
		return nil, nil
	}
	ids, err := query[string](ctx, s, `SELECT id FROM sessions
		WHERE id <> @own AND `+liveSessions+` ORDER BY last_seen_at DESC, id DESC LIMIT @limit OFFSET @keep`,
		params{"user": userID, "own": own, "now": micros(now), "keep": keep, "limit": limit})
	return ids, fail("listing the sessions over the maximum", err)
}

// stateRow is a session with its user, as SessionState and Rotate read them.
type stateRow struct {
	Session     models.Session
	User        models.User
	Now         int64
	Blacklisted bool
}

func (r stateRow) value() auth.SessionState {
	return auth.SessionState{
		Session:           fromSessionRow(r.Session),
		User:              fromUserRow(r.User),
		Now:               fromMicros(r.Now),
		AccessBlacklisted: r.Blacklisted,
	}
}

// SessionState implements [auth.Store].
func (s *Store) SessionState(ctx context.Context, sessionID string, secret auth.SecretHash) (auth.SessionState, error) {
	if !isID(sessionID) {
		return auth.SessionState{}, auth.ErrNotFound
	}
	row, err := queryOne[stateRow](ctx, s, `SELECT `+
		each(sessionColumns, "s.", "")+`, `+each(userColumns, "u.", "")+`, `+s.dialect.clock+`, b.session_id IS NOT NULL
		FROM sessions s JOIN users u ON u.id = s.user_id
		LEFT JOIN blacklisted_tokens b ON b.session_id = s.id AND b.secret_hash = @secret AND b.use = @use
		WHERE s.id = @id`,
		params{"id": sessionID, "secret": secret[:], "use": string(auth.UseAccess)})
	if err != nil {
		return auth.SessionState{}, fail("reading a session", err)
	}
	return row.value(), nil
}

// Now implements [auth.Store].
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	us, err := queryOne[int64](ctx, s, `SELECT `+s.dialect.clock, nil)
	if err != nil {
		return time.Time{}, fail("reading the database's clock", err)
	}
	return fromMicros(us), nil
}
