package store

import (
	"context"
	"strings"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/models"
)

// CreateUser implements [auth.Store].
func (s *Store) CreateUser(ctx context.Context, a auth.NewAccount, e *auth.Event) error {
	const doing = "creating a user"
	if err := checkSession(a.Session); err != nil {
		return fail(doing, err)
	}
	if a.Issue != nil {
		if err := checkToken(*a.Issue); err != nil {
			return fail(doing, err)
		}
	}
	return s.insertUser(ctx, a.User, e, func(tx *gorm.DB) error {
		session := sessionRow(a.Session)
		if err := tx.Create(&session).Error; err != nil {
			return err
		}
		if a.Issue != nil {
			token := tokenRow(*a.Issue)
			if err := tx.Create(&token).Error; err != nil {
				return err
			}
		}
		return redeemSignUp(tx, a.User, a.Redeem, a.User.CreatedAt)
	})
}

// AddUser implements [auth.Store].
func (s *Store) AddUser(ctx context.Context, u auth.User, e *auth.Event) error {
	return s.insertUser(ctx, u, e, func(*gorm.DB) error { return nil })
}

// insertUser inserts a user, and calls also in the transaction.
func (s *Store) insertUser(ctx context.Context, u auth.User, e *auth.Event, also func(tx *gorm.DB) error) error {
	const doing = "creating a user"
	if err := checkIDs(u.ID); err != nil {
		return fail(doing, err)
	}
	if err := checkText(u.Name, u.Email, u.EmailKey, u.PasswordHash, u.Locale); err != nil {
		return fail(doing, err)
	}
	err := s.transaction(ctx, func(tx *gorm.DB) error {
		user := models.User{
			ID: u.ID, Name: u.Name, Email: u.Email, EmailKey: u.EmailKey,
			EmailVerifiedAt: microsPtr(u.EmailVerifiedAt),
			CreatedAt:       micros(u.CreatedAt),
			UpdatedAt:       micros(u.UpdatedAt),
			DisabledAt:      microsPtr(u.DisabledAt),
			PasswordHash:    u.PasswordHash,
			AuthEpoch:       u.AuthEpoch,
			Locale:          u.Locale,
			DeleteAt:        microsPtr(u.DeleteAt),
		}
		if err := tx.Create(&user).Error; err != nil {
			return err
		}
		if err := checkReserved(tx, u.EmailKey, u.ID, u.CreatedAt); err != nil {
			return err
		}
		if err := also(tx); err != nil {
			return err
		}
		return record(tx, eventsIf(true, e))
	})
	if emailTaken(err) {
		return auth.ErrEmailTaken
	}
	return fail(doing, err)
}

// UserByEmailKey implements [auth.Store].
func (s *Store) UserByEmailKey(ctx context.Context, key string) (auth.User, time.Time, error) {
	if err := checkText(key); err != nil {
		return auth.User{}, time.Time{}, fail("finding a user", err)
	}
	return s.user(ctx, "email_key", key)
}

// UserByID implements [auth.Store].
func (s *Store) UserByID(ctx context.Context, id string) (auth.User, error) {
	if !isID(id) {
		return auth.User{}, auth.ErrNotFound
	}
	u, _, err := s.user(ctx, "id", id)
	return u, err
}

func (s *Store) user(ctx context.Context, column, value string) (auth.User, time.Time, error) {
	type found struct {
		models.User
		Now int64
	}
	row, err := queryOne[found](ctx, s, `SELECT `+userColumns+`, `+s.dialect.clock+` FROM users WHERE erased_at IS NULL AND `+column+` = @value`, params{"value": value})
	if err != nil {
		return auth.User{}, time.Time{}, fail("finding a user", err)
	}
	return fromUserRow(row.User), fromMicros(row.Now), nil
}

// Users implements [auth.Store]. Pages follow the primary key, so that all
// pages together read each user once, whatever the filter.
func (s *Store) Users(ctx context.Context, f auth.UserFilter, limit int) ([]auth.User, error) {
	const doing = "listing users"
	if err := checkText(f.Email); err != nil {
		return nil, fail(doing, err)
	}
	where, p := "id > @after AND erased_at IS NULL", params{"after": auth.MinID, "limit": limit}
	if isID(f.After) {
		p["after"] = f.After
	}
	if f.Email != "" {
		const escape = "!"
		where += " AND email_key LIKE @pattern ESCAPE '" + escape + "'"
		literal := strings.NewReplacer(escape, escape+escape, "%", escape+"%", "_", escape+"_").Replace(f.Email)
		p["pattern"] = "%" + literal + "%"
	}
	if f.Disabled != nil {
		where += " AND (disabled_at IS NOT NULL) = @disabled"
		p["disabled"] = *f.Disabled
	}
	rows, err := query[models.User](ctx, s, `SELECT `+userColumns+` FROM users WHERE `+where+` ORDER BY id LIMIT @limit`, p)
	if err != nil {
		return nil, fail(doing, err)
	}
	return values(rows, fromUserRow), nil
}

// EnableUser implements [auth.Store]. It changes nothing if the user is not
// disabled.
func (s *Store) EnableUser(ctx context.Context, userID string, at time.Time, e *auth.Event) error {
	if !isID(userID) {
		return auth.ErrNotFound
	}
	n, err := s.exec(ctx, e, `UPDATE users SET disabled_at = NULL, updated_at = @at
		WHERE id = @id AND disabled_at IS NOT NULL`, params{"id": userID, "at": micros(at)})
	if err != nil {
		return fail("enabling a user", err)
	}
	if n == 0 {
		_, err := s.UserByID(ctx, userID)
		return err
	}
	return nil
}

// VerifyEmail implements [auth.Store]. The statement that changes the user locks
// its row, so that a change of the epoch comes before it or after it.
func (s *Store) VerifyEmail(ctx context.Context, p auth.EmailProof, e *auth.Event) (u auth.User, err error) {
	const doing = "verifying an address"
	if !isID(p.UserID) {
		return u, auth.ErrMovedOn
	}
	if err := checkText(p.EmailKey); err != nil {
		return u, fail(doing, err)
	}
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		rows, err := collect[models.User](tx, `UPDATE users
			SET email_verified_at = COALESCE(email_verified_at, @at), updated_at = CASE WHEN email_verified_at IS NULL THEN @at ELSE updated_at END
			WHERE id = @user AND email_key = @email AND auth_epoch = @epoch AND `+activeUser+` RETURNING `+userColumns,
			params{"user": p.UserID, "email": p.EmailKey, "epoch": p.Epoch, "at": micros(p.At)})
		if err != nil {
			return err
		}
		if len(rows) == 0 {
			return auth.ErrMovedOn
		}
		u = fromUserRow(rows[0])
		if err := redeem(tx, p.UserID, p.Redeem, p.At); err != nil {
			return err
		}
		return record(tx, eventsIf(true, e))
	})
	if err != nil {
		return auth.User{}, fail(doing, err)
	}
	return u, nil
}

// UpdateProfile implements [auth.Store]. It writes the row only if a value
// differs.
func (s *Store) UpdateProfile(ctx context.Context, c auth.ProfileChange, e *auth.Event) (changed bool, u auth.User, err error) {
	const doing = "changing a profile"
	if !isID(c.UserID) {
		return false, auth.User{}, auth.ErrNotFound
	}
	set, differs, p := "updated_at = @at", []string{}, params{"id": c.UserID, "at": micros(c.At)}
	for _, field := range []struct {
		column string
		value  *string
	}{{"name", c.Name}, {"locale", c.Locale}} {
		if field.value == nil {
			continue
		}
		if err := checkText(*field.value); err != nil {
			return false, auth.User{}, fail(doing, err)
		}
		set += ", " + field.column + " = @" + field.column
		differs = append(differs, field.column+" <> @"+field.column)
		p[field.column] = *field.value
	}
	if len(differs) > 0 {
		rows, err := change(ctx, s, `UPDATE users SET `+set+` WHERE id = @id AND `+activeUser+`
			AND (`+strings.Join(differs, " OR ")+`) RETURNING `+userColumns, p,
			func(rows []models.User) []auth.Event { return eventsIf(len(rows) > 0, e) })
		if err != nil {
			return false, auth.User{}, fail(doing, err)
		}
		if len(rows) > 0 {
			return true, fromUserRow(rows[0]), nil
		}
	}
	u, err = s.UserByID(ctx, c.UserID)
	if err == nil && !u.Active() {
		err = auth.ErrNotFound
	}
	return false, u, err
}
