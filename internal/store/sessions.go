package store

import (
	"context"
	"fmt"
	"slices"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/models"
)

func checkSession(sess auth.Session) error {
	if err := checkIDs(sess.ID, sess.UserID); err != nil {
		return err
	}
	return checkText(sess.UserAgent, sess.IPAddress, sess.RevokedReason)
}

// CreateSession implements [auth.Store].
func (s *Store) CreateSession(ctx context.Context, sess auth.Session, epoch int64, passwordHash, rehash string, kept ...auth.Event) error {
	const doing = "create a session"
	if err := checkSession(sess); err != nil {
		return fail(doing, err)
	}
	if err := checkText(passwordHash, rehash); err != nil {
		return fail(doing, err)
	}
	if rehash != "" {
		return fail(doing, s.createRehashing(ctx, sess, epoch, passwordHash, rehash, kept))
	}
	n, err := s.execKeeping(ctx, kept, s.insertSession(), sessionParams(sess, epoch, passwordHash))
	if err == nil && n == 0 {
		err = auth.ErrMovedOn
	}
	return fail(doing, err)
}

// insertSession inserts while the user is as expected. FOR SHARE makes it wait
// for a change of the user that is under way and judge the user as that leaves
// it, and makes a later change wait for the insert. The foreign key's own
// check takes FOR KEY SHARE, which does not conflict with raising the epoch.
func (s *Store) insertSession() string {
	columns := sessionColumns()
	return fmt.Sprintf(`INSERT INTO sessions (%s) SELECT %s FROM users
		WHERE id = @user AND auth_epoch = @epoch AND password_hash = @password AND disabled_at IS NULL %s`,
		list("", columns, ""), list("@", columns, ""), s.dialect.forShare)
}

// sessionParams takes the fields as pointers: that is how they are scanned, and
// both drivers follow pointers.
func sessionParams(sess auth.Session, epoch int64, passwordHash string) params {
	row, columns := sessionRow(sess), sessionColumns()
	p := params{"user": sess.UserID, "epoch": epoch, "password": passwordHash}
	for i, field := range sessionFields(&row) {
		p[columns[i]] = field
	}
	return p
}

// createRehashing replaces the password's hash first: that takes the user's
// row in the mode that the transaction needs. FOR SHARE first would deadlock
// with another login doing the same.
func (s *Store) createRehashing(ctx context.Context, sess auth.Session, epoch int64, passwordHash, rehash string, kept []auth.Event) error {
	row := sessionRow(sess)
	return s.transaction(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`UPDATE users SET password_hash = @rehash
			WHERE id = @user AND auth_epoch = @epoch AND password_hash = @password AND disabled_at IS NULL`,
			params{"rehash": rehash, "user": sess.UserID, "epoch": epoch, "password": passwordHash})
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return auth.ErrMovedOn
		}
		if err := tx.Create(&row).Error; err != nil {
			return err
		}
		return keep(tx, kept)
	})
}

// Sessions implements [auth.Store].
func (s *Store) Sessions(ctx context.Context, userID string, now time.Time, limit int) ([]auth.Session, error) {
	if !isID(userID) {
		return nil, nil
	}
	rows, err := query(ctx, s.read, `SELECT `+list("", sessionColumns(), "")+` FROM sessions
		WHERE user_id = @user AND revoked_at IS NULL AND expires_at > @now AND refresh_expires_at > @now
		ORDER BY created_at DESC, id DESC LIMIT @limit`,
		params{"user": userID, "now": micros(now), "limit": limit}, sessionFields)
	if err != nil {
		return nil, fail("list sessions", err)
	}
	sessions := make([]auth.Session, len(rows))
	for i, row := range rows {
		sessions[i] = fromSessionRow(row)
	}
	return sessions, nil
}

// SurplusSessions implements [auth.Store].
func (s *Store) SurplusSessions(ctx context.Context, userID, own string, now time.Time, keep, limit int) ([]string, error) {
	if !isID(userID) || !isID(own) {
		return nil, nil
	}
	ids, err := query(ctx, s.read, `SELECT id FROM sessions
		WHERE user_id = @user AND id <> @own AND revoked_at IS NULL AND expires_at > @now AND refresh_expires_at > @now
		ORDER BY last_seen_at DESC, id DESC LIMIT @limit OFFSET @keep`,
		params{"user": userID, "own": own, "now": micros(now), "keep": keep, "limit": limit}, func(id *string) []any { return []any{id} })
	return ids, fail("list the sessions of a user that are too many", err)
}

// stateRow is a session with its user, as SessionState and Rotate read them.
type stateRow struct {
	session     models.Session
	user        models.User
	now         int64
	blacklisted bool
}

func stateFields(r *stateRow) []any {
	return slices.Concat(sessionFields(&r.session), userFields(&r.user), []any{&r.now, &r.blacklisted})
}

func (r stateRow) value() auth.SessionState {
	return auth.SessionState{
		Session:           fromSessionRow(r.session),
		User:              fromUserRow(r.user),
		Now:               fromMicros(r.now),
		AccessBlacklisted: r.blacklisted,
	}
}

// SessionState implements [auth.Store].
func (s *Store) SessionState(ctx context.Context, sessionID string, secret auth.SecretHash) (auth.SessionState, error) {
	if !isID(sessionID) {
		return auth.SessionState{}, auth.ErrNotFound
	}
	row, err := queryOne(ctx, s.read, `SELECT `+
		list("s.", sessionColumns(), "")+`, `+list("u.", userColumns(), "")+`, `+s.dialect.clock+`, b.session_id IS NOT NULL
		FROM sessions s JOIN users u ON u.id = s.user_id
		LEFT JOIN blacklisted_tokens b ON b.session_id = s.id AND b.secret_hash = @secret AND b.use = @use
		WHERE s.id = @id`,
		params{"id": sessionID, "secret": secret[:], "use": string(auth.UseAccess)}, stateFields)
	if err != nil {
		return auth.SessionState{}, fail("read a session", err)
	}
	return row.value(), nil
}

// Now implements [auth.Store].
func (s *Store) Now(ctx context.Context) (time.Time, error) {
	us, err := queryOne(ctx, s.read, `SELECT `+s.dialect.clock, nil, func(us *int64) []any { return []any{us} })
	if err != nil {
		return time.Time{}, fail("read the database's clock", err)
	}
	return fromMicros(us), nil
}
