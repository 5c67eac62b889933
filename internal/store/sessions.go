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
const unchangedUser = `id = @user AND auth_epoch = @epoch AND password_hash = @password AND ` + activeUser

// activeUser is the condition that the user may authenticate. The swap of a refresh
// checks only whether the user is disabled, because a deletion revokes all sessions.
const activeUser = `disabled_at IS NULL AND delete_at IS NULL`

// CreateSession implements [auth.Store].
//
// The lock of the user's row makes the insert wait for a change of the user that
// is in progress, and then sees the user as changed. A later change, and a later
// login, wait for the insert. The check of the foreign key would not do: it takes
// FOR KEY SHARE, which does not conflict with raising the epoch.
//
// The other sessions are counted by the statement that records the event. It
// begins when the row is locked, so that it sees the sessions of all logins that
// had the lock before. The insert itself may have begun earlier.
func (s *Store) CreateSession(ctx context.Context, n auth.NewSession, e *auth.Event) (created auth.CreatedSession, err error) {
	const doing = "creating a session"
	if err := checkSession(n.Session); err != nil {
		return created, fail(doing, err)
	}
	if err := checkText(n.PasswordHash, n.Rehash); err != nil {
		return created, fail(doing, err)
	}
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		created = auth.CreatedSession{}
		if n.Session.RetryHash != nil {
			locked, err := s.lockUser(tx, n.Session.UserID, &n.Epoch)
			if err != nil {
				return err
			}
			if !locked {
				return auth.ErrMovedOn
			}
			if created.Repeated, err = findStarted(tx, n); err != nil || created.Repeated != nil {
				return err
			}
		}
		if err := s.insertSession(tx, n); err != nil {
			return err
		}
		if err := redeem(tx, n.Session.UserID, n.Redeem, n.Session.CreatedAt); err != nil {
			return err
		}
		created.Others, err = recordCounting(tx, n.Session, e)
		return err
	})
	return created, fail(doing, err)
}

// findStarted returns the session that the idempotency key of a new one has started,
// or nil.
func findStarted(tx *gorm.DB, n auth.NewSession) (*auth.Session, error) {
	found, err := collect[models.Session](tx, startedSession, startedParams(n.Session.UserID, *n.Session.RetryHash, n.RepeatSince, n.Session.CreatedAt))
	if err != nil || len(found) == 0 {
		return nil, err
	}
	session := fromSessionRow(found[0])
	return &session, nil
}

// insertSession inserts the session if the user is unchanged, and locks the user's
// row.
func (s *Store) insertSession(tx *gorm.DB, n auth.NewSession) error {
	row := sessionRow(n.Session)
	p := rowParams(sessionColumns, &row)
	p["user"], p["epoch"], p["password"], p["now"] = n.Session.UserID, n.Epoch, n.PasswordHash, row.CreatedAt
	if n.Rehash != "" {
		p["rehash"] = n.Rehash
		done := tx.Exec(`UPDATE users SET password_hash = @rehash WHERE `+unchangedUser, p)
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return auth.ErrMovedOn
		}
		p["password"] = n.Rehash
	}
	done := tx.Exec(`INSERT INTO sessions (`+sessionColumns+`) SELECT `+each(sessionColumns, "@", "")+`
		FROM users WHERE `+unchangedUser+` `+s.dialect.lockUser, p)
	if done.Error == nil && done.RowsAffected == 0 {
		return auth.ErrMovedOn
	}
	return done.Error
}

// startedSession selects the session that an idempotency key started. A rotation
// raises the generation.
const startedSession = `SELECT ` + sessionColumns + ` FROM sessions
	WHERE retry_hash = @retry AND generation = 1 AND created_at >= @since AND refresh_blacklisted_at IS NULL AND ` + liveSessions + ` LIMIT 1`

func startedParams(userID string, retry auth.SecretHash, since, now time.Time) params {
	return params{"user": userID, "retry": retry[:], "since": micros(since), "now": micros(now)}
}

// StartedSession implements [auth.Store].
func (s *Store) StartedSession(ctx context.Context, userID string, retry auth.SecretHash, since, now time.Time) (auth.Session, error) {
	if !isID(userID) {
		return auth.Session{}, auth.ErrNotFound
	}
	row, err := queryOne[models.Session](ctx, s, startedSession, startedParams(userID, retry, since, now))
	if err != nil {
		return auth.Session{}, fail("finding a session by its idempotency key", err)
	}
	return fromSessionRow(row), nil
}

// recordCounting records the event of a login, unless it is nil, and counts the
// user's other live sessions, in one statement. It adds the event's mails.
func recordCounting(tx *gorm.DB, sess auth.Session, e *auth.Event) (others int, err error) {
	count, p := `(SELECT count(*) FROM sessions WHERE id <> @own AND `+liveSessions+`)`, params{}
	statement := `SELECT ` + count
	if e != nil {
		row, err := eventRow(*e)
		if err != nil {
			return 0, err
		}
		p = rowParams(eventColumns, &row)
		statement = `INSERT INTO security_events (` + eventColumns + `) VALUES (` + each(eventColumns, "@", "") + `) RETURNING ` + count
	}
	p["own"], p["user"], p["now"] = sess.ID, sess.UserID, micros(sess.CreatedAt)
	counts, err := collect[int](tx, statement, p)
	if err != nil {
		return 0, err
	}
	if e != nil {
		err = addMails(tx, *e)
	}
	return counts[0], err
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
