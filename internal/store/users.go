package store

import (
	"context"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/models"
)

// CreateUser implements [auth.Store].
func (s *Store) CreateUser(ctx context.Context, u auth.User, sess auth.Session, kept ...auth.Event) error {
	const doing = "create a user"
	if err := checkUser(u); err != nil {
		return fail(doing, err)
	}
	if err := checkSession(sess); err != nil {
		return fail(doing, err)
	}
	user, session := userRow(u), sessionRow(sess)
	err := s.transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(&user).Error; err != nil {
			return err
		}
		if err := tx.Create(&session).Error; err != nil {
			return err
		}
		return keep(tx, kept)
	})
	if emailTaken(err) {
		return auth.ErrEmailTaken
	}
	return fail(doing, err)
}

// AddUser implements [auth.Store].
func (s *Store) AddUser(ctx context.Context, u auth.User, kept ...auth.Event) error {
	const doing = "add a user"
	if err := checkUser(u); err != nil {
		return fail(doing, err)
	}
	user := userRow(u)
	err := s.transaction(ctx, func(tx *gorm.DB) error {
		if err := tx.Create(&user).Error; err != nil {
			return err
		}
		return keep(tx, kept)
	})
	if emailTaken(err) {
		return auth.ErrEmailTaken
	}
	return fail(doing, err)
}

func checkUser(u auth.User) error {
	if err := checkIDs(u.ID); err != nil {
		return err
	}
	return checkText(u.Name, u.Email, u.EmailKey, u.PasswordHash)
}

// UserByEmailKey implements [auth.Store].
func (s *Store) UserByEmailKey(ctx context.Context, key string) (auth.User, error) {
	if err := checkText(key); err != nil {
		return auth.User{}, fail("find a user", err)
	}
	return s.user(ctx, "email_key = ?", key)
}

// UserByID implements [auth.Store].
func (s *Store) UserByID(ctx context.Context, id string) (auth.User, error) {
	if !isID(id) {
		return auth.User{}, auth.ErrNotFound
	}
	return s.user(ctx, "id = ?", id)
}

func (s *Store) user(ctx context.Context, where string, value string) (auth.User, error) {
	ctx, cancel := s.read.bounded(ctx)
	defer cancel()
	var row models.User
	err := retry(ctx, func() error { return s.read.WithContext(ctx).Where(where, value).Take(&row).Error })
	if err != nil {
		return auth.User{}, fail("find a user", err)
	}
	return fromUserRow(row), nil
}

// EnableUser implements [auth.Store]. Enabling a user who is not disabled
// changes nothing.
func (s *Store) EnableUser(ctx context.Context, userID string, at time.Time, kept ...auth.Event) error {
	if !isID(userID) {
		return auth.ErrNotFound
	}
	n, err := s.execKeeping(ctx, kept, `UPDATE users SET disabled_at = NULL, updated_at = @at
		WHERE id = @id AND disabled_at IS NOT NULL`,
		params{"id": userID, "at": micros(at)})
	if err != nil {
		return fail("enable a user", err)
	}
	if n == 0 {
		_, err := s.UserByID(ctx, userID)
		return err
	}
	return nil
}
