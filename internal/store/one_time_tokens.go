package store

import (
	"context"
	"slices"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/models"
)

// liveTokens is the condition that a one-time token is neither used nor expired.
const liveTokens = `used_at IS NULL AND expires_at > @now`

// IssueToken implements [auth.OneTimeTokens]. The lock of the user's row makes it
// wait for a change that raises the epoch, and such a change wait for it. The
// statements after the lock see what the other change committed.
func (s *Store) IssueToken(ctx context.Context, issue auth.TokenIssue, e *auth.Event) (issued bool, err error) {
	const doing = "issuing a one-time token"
	t := issue.Token
	if err := checkToken(t); err != nil {
		return false, fail(doing, err)
	}
	if issue.Undo != nil {
		if err := checkToken(*issue.Undo); err != nil {
			return false, fail(doing, err)
		}
	}
	row := tokenRow(t)
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		issued = false
		lock := s.lockUser
		if t.Purpose == auth.PurposeCancelDeletion {
			lock = s.lockDeleting
		}
		locked, err := lock(tx, t.UserID, &issue.Epoch)
		if err != nil {
			return err
		}
		if t.UserID != "" && !locked {
			return auth.ErrMovedOn
		}
		p := rowParams(oneTimeTokenColumns, &row)
		p["now"], p["most"] = row.CreatedAt, auth.MaxLiveTokens
		if issue.Replace {
			if err := tx.Exec(`DELETE FROM one_time_tokens WHERE hash IN (SELECT hash FROM one_time_tokens
				WHERE email_key = @email_key AND purpose = @purpose AND `+liveTokens+`
				ORDER BY created_at DESC, hash LIMIT @most OFFSET @most - 1)`, p).Error; err != nil {
				return err
			}
		}
		done := tx.Exec(`INSERT INTO one_time_tokens (`+oneTimeTokenColumns+`) SELECT `+each(oneTimeTokenColumns, "@", "")+`
			WHERE (SELECT count(*) FROM one_time_tokens WHERE email_key = @email_key AND purpose = @purpose AND `+liveTokens+`) < @most`, p)
		if issued = done.RowsAffected > 0; done.Error != nil || !issued {
			return done.Error
		}
		if issue.Undo != nil {
			undo := tokenRow(*issue.Undo)
			if err := tx.Create(&undo).Error; err != nil {
				return err
			}
		}
		return recordIssue(tx, t.UserID != "" || issue.Mails, e)
	})
	return issued, fail(doing, err)
}

// recordIssue records the event of a token, and adds its mails to the outbox if
// somebody is to get them. Otherwise it runs the same statements, and the one for
// the mails adds none.
func recordIssue(tx *gorm.DB, mails bool, e *auth.Event) error {
	if e == nil || mails || len(e.Mails) == 0 {
		return record(tx, eventsIf(true, e))
	}
	event := *e
	event.Mails = nil
	if err := record(tx, []auth.Event{event}); err != nil {
		return err
	}
	for _, m := range e.Mails {
		row := mailRow(m)
		err := tx.Exec(`INSERT INTO mails (`+mailColumns+`) SELECT `+each(mailColumns, "@", "")+` WHERE 1 = 0`, rowParams(mailColumns, &row)).Error
		if err != nil {
			return err
		}
	}
	return nil
}

// lockUser locks the row of an active user until the transaction ends, and
// reports whether there is one, with the epoch if that is not nil.
func (s *Store) lockUser(tx *gorm.DB, userID string, epoch *int64) (bool, error) {
	return s.lockUserIf(tx, userID, epoch, activeUser)
}

// lockDeleting is lockUser for a user who is being deleted.
func (s *Store) lockDeleting(tx *gorm.DB, userID string, epoch *int64) (bool, error) {
	return s.lockUserIf(tx, userID, epoch, `disabled_at IS NULL AND delete_at IS NOT NULL AND erased_at IS NULL`)
}

func (s *Store) lockUserIf(tx *gorm.DB, userID string, epoch *int64, state string) (bool, error) {
	if !isID(userID) {
		userID = auth.MinID // nobody's
	}
	where, p := "id = @user AND "+state, params{"user": userID}
	if epoch != nil {
		where += " AND auth_epoch = @epoch"
		p["epoch"] = *epoch
	}
	found, err := collect[string](tx, `SELECT id FROM users WHERE `+where+` `+s.dialect.lockUser, p)
	return len(found) > 0, err
}

// OneTimeToken implements [auth.OneTimeTokens].
func (s *Store) OneTimeToken(ctx context.Context, hash auth.SecretHash) (auth.OneTimeToken, error) {
	row, err := queryOne[models.OneTimeToken](ctx, s, `SELECT `+oneTimeTokenColumns+` FROM one_time_tokens WHERE hash = @hash`, params{"hash": hash[:]})
	if err != nil {
		return auth.OneTimeToken{}, fail("reading a one-time token", err)
	}
	return fromTokenRow(row), nil
}

// TryCode implements [auth.OneTimeTokens]. It counts the try at the token with
// this code, or else at the newest one. It runs the same statements whether or not
// there is such a user, and a code.
func (s *Store) TryCode(ctx context.Context, try auth.CodeTry) (found auth.OneTimeToken, err error) {
	const doing = "trying a code"
	if !isID(try.UserID) {
		return auth.OneTimeToken{}, auth.ErrNotFound
	}
	if err := checkText(string(try.Purpose)); err != nil {
		return auth.OneTimeToken{}, fail(doing, err)
	}
	var refused error // does not roll the count back
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		found, refused = auth.OneTimeToken{}, nil
		locked, err := s.lockUser(tx, try.UserID, nil)
		if err != nil {
			return err
		}
		rows, err := collect[models.OneTimeToken](tx, `SELECT `+oneTimeTokenColumns+` FROM one_time_tokens
			WHERE user_id = @user AND created_at > @since ORDER BY created_at DESC, hash`,
			params{"user": try.UserID, "since": micros(try.At.Add(-auth.CodeTriesWindow - auth.CodeTTL))})
		if err != nil {
			return err
		}
		if !locked {
			rows = nil // the user is disabled
		}
		found, refused = judgeCode(values(rows, fromTokenRow), try)
		return tx.Exec(`UPDATE one_time_tokens SET tries = tries + 1 WHERE hash = @hash`, params{"hash": found.Hash[:]}).Error
	})
	if err == nil {
		err = refused
	}
	if err != nil {
		return auth.OneTimeToken{}, fail(doing, err)
	}
	found.Tries++
	return found, nil
}

// judgeCode returns the token that the try counts at, if there is one, and why it is
// refused. tokens are those of the account, the newest first.
func judgeCode(tokens []auth.OneTimeToken, try auth.CodeTry) (auth.OneTimeToken, error) {
	tries, codes := 0, []auth.OneTimeToken(nil)
	for _, t := range tokens {
		if t.UsedAt != nil && t.Purpose == try.Purpose && t.CodeMAC != nil && t.ExpiresAt.After(try.At) && slices.ContainsFunc(try.MACs, t.CodeMAC.Equal) {
			return t, nil // a repeat needs no try: without its idempotency key it is refused as a wrong code is
		}
		tries += t.Tries
		if t.Purpose == try.Purpose && t.CodeMAC != nil && t.ExpiresAt.After(try.At) && t.CreatedAt.After(try.At.Add(-auth.CodeTTL)) {
			codes = append(codes, t)
		}
	}
	if tries >= auth.MaxCodeTries {
		return auth.OneTimeToken{}, auth.ErrTooManyTries
	}
	for _, t := range codes {
		if slices.ContainsFunc(try.MACs, t.CodeMAC.Equal) {
			return t, nil
		}
	}
	if len(codes) == 0 {
		return auth.OneTimeToken{}, auth.ErrNotFound
	}
	return codes[0], auth.ErrNotFound
}

// redeem uses up a one-time token. The caller has locked the user's row.
func redeem(tx *gorm.DB, userID string, r *auth.Redemption, at time.Time) error {
	if r == nil {
		return nil
	}
	if err := checkText(string(r.Purpose), r.Payload); err != nil {
		return err
	}
	done := tx.Exec(`UPDATE one_time_tokens SET used_at = @now, payload = CASE WHEN @payload = '' THEN payload ELSE @payload END
		WHERE hash = @hash AND purpose = @purpose AND user_id = @user AND `+liveTokens,
		params{"hash": r.Hash[:], "purpose": string(r.Purpose), "user": userID, "payload": r.Payload, "now": micros(at)})
	if done.Error == nil && done.RowsAffected == 0 {
		return auth.ErrMovedOn
	}
	return done.Error
}

// redeemSignUp uses up the token that an account is created by, and makes it the
// user's. The caller has inserted the user, whose address no other account has.
func redeemSignUp(tx *gorm.DB, u auth.User, r *auth.Redemption, at time.Time) error {
	if r == nil {
		return nil
	}
	if err := checkText(string(r.Purpose), r.Payload); err != nil {
		return err
	}
	done := tx.Exec(`UPDATE one_time_tokens SET used_at = @now, user_id = @user, payload = @payload
		WHERE hash = @hash AND purpose = @purpose AND user_id IS NULL AND email_key = @email AND `+liveTokens,
		params{"hash": r.Hash[:], "purpose": string(r.Purpose), "user": u.ID, "email": u.EmailKey, "payload": r.Payload, "now": micros(at)})
	if done.Error == nil && done.RowsAffected == 0 {
		return auth.ErrMovedOn
	}
	return done.Error
}

// voidLaterUndos deletes the unused tokens that undo what happened after the change
// that a used token has undone. The account has left their addresses: the owner of
// an earlier address takes precedence.
func voidLaterUndos(tx *gorm.DB, userID string, r *auth.Redemption) error {
	if r == nil || r.Purpose != auth.PurposeUndoEmailChange {
		return nil
	}
	return tx.Exec(`DELETE FROM one_time_tokens WHERE user_id = @user AND used_at IS NULL AND purpose IN @undo
		AND created_at >= (SELECT created_at FROM one_time_tokens WHERE hash = @hash)`,
		params{"user": userID, "undo": auth.UndoPurposes(), "hash": r.Hash[:]}).Error
}

// voidUndos deletes the unused tokens that undo a change of a user's address.
func voidUndos(tx *gorm.DB, userID string) error {
	return tx.Exec(`DELETE FROM one_time_tokens WHERE user_id = @user AND used_at IS NULL AND purpose = @undo`,
		params{"user": userID, "undo": string(auth.PurposeUndoEmailChange)}).Error
}

// checkReserved returns ErrEmailTaken if another user has a live token that restores
// an address. The caller has given the address to the user in this transaction: a
// change that frees an address has then either committed, and its token is visible,
// or the address was not free.
func checkReserved(tx *gorm.DB, emailKey, userID string, at time.Time) error {
	found, err := collect[int](tx, `SELECT 1 FROM one_time_tokens
		WHERE email_key = @email AND purpose = @undo AND user_id <> @user AND `+liveTokens+` LIMIT 1`,
		params{"email": emailKey, "undo": string(auth.PurposeUndoEmailChange), "user": userID, "now": micros(at)})
	if err == nil && len(found) > 0 {
		err = auth.ErrEmailTaken
	}
	return err
}

// voidTokens deletes the unused tokens of a user, except those that undo a change.
func voidTokens(tx *gorm.DB, userID string) error {
	return tx.Exec(`DELETE FROM one_time_tokens WHERE user_id = @user AND used_at IS NULL AND purpose NOT IN @undo`,
		params{"user": userID, "undo": auth.UndoPurposes()}).Error
}

func checkToken(t auth.OneTimeToken) error {
	return checkText(string(t.Purpose), t.EmailKey, t.Payload)
}

func tokenRow(t auth.OneTimeToken) models.OneTimeToken {
	return models.OneTimeToken{
		Hash: t.Hash[:], Purpose: string(t.Purpose), UserID: idPtr(t.UserID), EmailKey: t.EmailKey, CodeMAC: hashBytes(t.CodeMAC),
		Payload: t.Payload, Tries: int64(t.Tries), CreatedAt: micros(t.CreatedAt), ExpiresAt: micros(t.ExpiresAt), UsedAt: microsPtr(t.UsedAt),
	}
}

func fromTokenRow(r models.OneTimeToken) auth.OneTimeToken {
	t := auth.OneTimeToken{
		Hash: fromHash(r.Hash), Purpose: auth.TokenPurpose(r.Purpose), EmailKey: r.EmailKey, CodeMAC: fromHashPtr(r.CodeMAC),
		Payload: r.Payload, Tries: int(r.Tries), CreatedAt: fromMicros(r.CreatedAt), ExpiresAt: fromMicros(r.ExpiresAt), UsedAt: fromMicrosPtr(r.UsedAt),
	}
	if r.UserID != nil {
		t.UserID = *r.UserID
	}
	return t
}
