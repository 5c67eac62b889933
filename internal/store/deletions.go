package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

// undoable is the condition that a token may still undo a change of the address of
// the row of users.
const undoable = `EXISTS (SELECT 1 FROM one_time_tokens t WHERE t.user_id = users.id
	AND t.purpose = 'undo_email_change' AND t.used_at IS NULL AND t.expires_at > @now)`

// identifying is the condition that an event has data that identifies a person.
const identifying = `(address <> '' OR user_agent <> '' OR request_id <> '' OR detail <> '')`

const scrub = `UPDATE security_events SET address = '', user_agent = '', request_id = '', detail = '' WHERE `

// UndoableUntil implements [auth.Deletions].
func (s *Store) UndoableUntil(ctx context.Context, userID string, now time.Time) (time.Time, error) {
	if !isID(userID) {
		return time.Time{}, nil
	}
	until, err := queryOne[*int64](ctx, s, `SELECT max(expires_at) FROM one_time_tokens
		WHERE user_id = @user AND purpose = @purpose AND `+liveTokens,
		params{"user": userID, "purpose": string(auth.PurposeUndoEmailChange), "now": micros(now)})
	if err != nil || until == nil {
		return time.Time{}, fail("reading the tokens that delay an erasure", err)
	}
	return fromMicros(*until), nil
}

// CancelDeletion implements [auth.Deletions]. The statement that changes the user
// locks its row, so that an erasure comes before it or after it.
func (s *Store) CancelDeletion(ctx context.Context, c auth.DeletionCancel, e *auth.Event) error {
	const doing = "cancelling a deletion"
	if !isID(c.UserID) {
		return auth.ErrMovedOn
	}
	if err := checkText(c.EmailKey); err != nil {
		return fail(doing, err)
	}
	p := params{"user": c.UserID, "email": c.EmailKey, "at": micros(c.At), "purpose": string(auth.PurposeCancelDeletion)}
	return fail(doing, s.transaction(ctx, func(tx *gorm.DB) error {
		done := tx.Exec(`UPDATE users SET delete_at = NULL, updated_at = @at
			WHERE id = @user AND email_key = @email AND delete_at IS NOT NULL AND erased_at IS NULL`, p)
		if done.Error != nil {
			return done.Error
		}
		if done.RowsAffected == 0 {
			return auth.ErrMovedOn
		}
		if err := redeem(tx, c.UserID, &c.Redeem, c.At); err != nil {
			return err
		}
		if err := tx.Exec(`DELETE FROM one_time_tokens WHERE user_id = @user AND purpose = @purpose AND used_at IS NULL`, p).Error; err != nil {
			return err
		}
		return record(tx, eventsIf(true, e))
	}))
}

// DueDeletions implements [auth.Deletions].
func (s *Store) DueDeletions(ctx context.Context, limit int) ([]string, time.Time, error) {
	now, err := s.Now(ctx)
	if err != nil {
		return nil, time.Time{}, err
	}
	list, err := query[string](ctx, s, `SELECT id FROM users WHERE delete_at <= @now AND delete_at IS NOT NULL AND erased_at IS NULL
		AND NOT `+undoable+` ORDER BY delete_at LIMIT @limit`, params{"now": micros(now), "limit": limit})
	return list, now, fail("listing accounts to erase", err)
}

// ScrubJournal implements [auth.Deletions].
func (s *Store) ScrubJournal(ctx context.Context, userID string, limit int) (int, error) {
	if !isID(userID) {
		return 0, nil
	}
	n, err := s.exec(ctx, nil, scrub+`id IN (SELECT id FROM security_events WHERE user_id = @user AND `+identifying+` LIMIT @limit)`,
		params{"user": userID, "limit": limit})
	return int(n), fail("erasing the journal of a user", err)
}

// EraseUser implements [auth.Deletions]. The row of the user is locked first, as a
// login and a cancellation do. It calls BeforeCommit as EndSessions does.
//
// The rows of the user and its sessions remain for a while, without data of the
// person: followers of the blacklist read there that the sessions were revoked.
func (s *Store) EraseUser(ctx context.Context, x auth.Erasure, e *auth.Event) ([]string, error) {
	const doing = "erasing a user"
	if !isID(x.UserID) {
		return nil, auth.ErrMovedOn
	}
	if err := checkText(x.Reason); err != nil {
		return nil, fail(doing, err)
	}
	p := params{
		"user": x.UserID, "epoch": x.Epoch, "now": micros(x.At), "reason": x.Reason, "keep": x.KeepFor.Microseconds(),
		"nobody": "erased:" + x.UserID, // no address has this key
	}
	var revoked []revokedRow
	var refused error
	err := s.transaction(ctx, func(tx *gorm.DB) error {
		refused = nil
		emails, err := collect[string](tx, `SELECT email_key FROM users
			WHERE id = @user AND auth_epoch = @epoch AND delete_at <= @now AND erased_at IS NULL AND NOT `+undoable+` `+s.dialect.lockUser, p)
		if err != nil {
			return err
		}
		if len(emails) == 0 {
			return auth.ErrMovedOn
		}
		p["email"] = emails[0]
		all, err := revokeAll(tx, auth.EndSessions{UserID: x.UserID, Reason: x.Reason, At: x.At})
		if err != nil {
			return err
		}
		revoked = liveOnes(all, x.At)
		if x.BeforeCommit != nil {
			if refused = x.BeforeCommit(tx.Statement.Context, ids(all)); refused != nil {
				return refused
			}
		}
		if err := eraseRows(tx, p); err != nil {
			return err
		}
		return record(tx, eventsIf(true, e))
	})
	if refused != nil {
		return nil, refused // the caller's own error, unchanged
	}
	if err != nil {
		return nil, fail(doing, err)
	}
	return ids(revoked), nil
}

// eraseRows erases the data of a user. All sessions of the user are revoked.
func eraseRows(tx *gorm.DB, p params) error {
	for _, statement := range []string{
		`UPDATE users SET name = '', email = '', email_key = @nobody, email_verified_at = NULL, password_hash = '', locale = '',
			auth_epoch = auth_epoch + 1, updated_at = @now, erased_at = @now WHERE id = @user`,
		`UPDATE sessions SET user_agent = '', ip_address = '',
			expires_at = CASE WHEN expires_at > revoked_at + @keep THEN revoked_at + @keep ELSE expires_at END WHERE user_id = @user`,
		`DELETE FROM one_time_tokens WHERE user_id = @user`,
		`DELETE FROM one_time_tokens WHERE email_key = @email AND user_id IS NULL`, // requests before the account existed, or for its address
		`DELETE FROM mails WHERE user_id = @user`,
		scrub + `user_id = @user AND ` + identifying,
	} {
		if err := tx.Exec(statement, p).Error; err != nil {
			return err
		}
	}
	return nil
}

// DropErased implements [auth.Deletions]. Events may have been recorded since the
// erasure, such as those of a client that presented an old token.
func (s *Store) DropErased(ctx context.Context, limit int) (n int, err error) {
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		gone, err := collect[string](tx, `DELETE FROM users WHERE id IN (SELECT id FROM users WHERE erased_at IS NOT NULL
			AND NOT EXISTS (SELECT 1 FROM sessions WHERE user_id = users.id) ORDER BY erased_at LIMIT @limit `+s.dialect.skipLocked+`) RETURNING id`,
			params{"limit": limit})
		n = len(gone)
		if err != nil || n == 0 {
			return err
		}
		return tx.Exec(scrub+`user_id IN @gone AND `+identifying, params{"gone": gone}).Error
	})
	return n, fail("deleting the rows of erased users", err)
}

// DeletionBacklog implements [auth.Deletions].
func (s *Store) DeletionBacklog(ctx context.Context) (auth.DeletionBacklog, error) {
	type counts struct {
		Waiting, Due int64
		Oldest       *int64
	}
	now, err := s.Now(ctx)
	if err != nil {
		return auth.DeletionBacklog{}, err
	}
	row, err := queryOne[counts](ctx, s, `SELECT count(*), COUNT(CASE WHEN due THEN 1 END), MIN(CASE WHEN due THEN delete_at END)
		FROM (SELECT delete_at, delete_at <= @now AND NOT `+undoable+` AS due FROM users WHERE delete_at IS NOT NULL AND erased_at IS NULL) d`,
		params{"now": micros(now)})
	if err != nil {
		return auth.DeletionBacklog{}, fail("counting deletions", err)
	}
	b := auth.DeletionBacklog{Waiting: int(row.Waiting), Due: int(row.Due)}
	if row.Oldest != nil {
		b.Overdue = now.Sub(fromMicros(*row.Oldest))
	}
	return b, nil
}
