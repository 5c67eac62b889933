package store

import (
	"context"

	"rekey/internal/auth"
	"rekey/models"
)

// AllSessions implements [auth.PersonalDataStore].
func (s *Store) AllSessions(ctx context.Context, userID string) ([]auth.Session, error) {
	return allOf(ctx, s, "sessions", sessionColumns, userID, fromSessionRow)
}

// AllTokens implements [auth.PersonalDataStore].
func (s *Store) AllTokens(ctx context.Context, userID string) ([]auth.OneTimeToken, error) {
	return allOf(ctx, s, "one_time_tokens", oneTimeTokenColumns, userID, fromTokenRow)
}

// allOf reads all rows of a user in a table.
func allOf[R models.Session | models.OneTimeToken, V any](
	ctx context.Context, s *Store, table, columns, userID string, convert func(R) V,
) ([]V, error) {
	if !isID(userID) {
		return nil, nil
	}
	rows, err := query[R](ctx, s, `SELECT `+columns+` FROM `+table+` WHERE user_id = @user ORDER BY created_at`, params{"user": userID})
	if err != nil {
		return nil, fail("listing the "+table+" of a user", err)
	}
	return values(rows, convert), nil
}
