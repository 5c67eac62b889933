package store

import (
	"context"
	"strings"
	"time"

	"rekey/internal/auth"
	"rekey/models"
)

var _ auth.APIKeyStore = (*Store)(nil)

// CreateAPIKey implements [auth.APIKeyStore].
func (s *Store) CreateAPIKey(ctx context.Context, k auth.APIKey, e *auth.Event) error {
	const doing = "creating an API key"
	if err := checkIDs(k.ID); err != nil {
		return fail(doing, err)
	}
	if err := checkText(k.Name, k.Prefix); err != nil {
		return fail(doing, err)
	}
	row := models.APIKey{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, Hash: k.Hash[:],
		Scopes:    strings.Join(values(k.Scopes, func(scope auth.Scope) string { return string(scope) }), " "),
		CreatedAt: micros(k.CreatedAt), LastUsedAt: microsPtr(k.LastUsedAt), RevokedAt: microsPtr(k.RevokedAt),
	}
	_, err := s.exec(ctx, e, `INSERT INTO api_keys (`+apiKeyColumns+`) VALUES (`+each(apiKeyColumns, "@", "")+`)`,
		rowParams(apiKeyColumns, &row))
	return fail(doing, err)
}

// APIKeyByPrefix implements [auth.APIKeyStore].
func (s *Store) APIKeyByPrefix(ctx context.Context, prefix string) (auth.APIKey, error) {
	const doing = "finding an API key"
	if err := checkText(prefix); err != nil {
		return auth.APIKey{}, fail(doing, err)
	}
	row, err := queryOne[models.APIKey](ctx, s, `SELECT `+apiKeyColumns+` FROM api_keys WHERE prefix = @prefix`, params{"prefix": prefix})
	if err != nil {
		return auth.APIKey{}, fail(doing, err)
	}
	return fromAPIKeyRow(row), nil
}

// APIKeys implements [auth.APIKeyStore].
func (s *Store) APIKeys(ctx context.Context) ([]auth.APIKey, error) {
	rows, err := query[models.APIKey](ctx, s, `SELECT `+apiKeyColumns+` FROM api_keys ORDER BY created_at, id`, nil)
	if err != nil {
		return nil, fail("listing API keys", err)
	}
	return values(rows, fromAPIKeyRow), nil
}

// TouchAPIKey implements [auth.APIKeyStore]. The time never goes back.
func (s *Store) TouchAPIKey(ctx context.Context, id string, at time.Time) error {
	if !isID(id) {
		return nil
	}
	_, err := s.exec(ctx, nil, `UPDATE api_keys SET last_used_at = @at WHERE id = @id AND COALESCE(last_used_at, 0) < @at`,
		params{"id": id, "at": micros(at)})
	return fail("recording the use of an API key", err)
}

// RevokeAPIKey implements [auth.APIKeyStore].
func (s *Store) RevokeAPIKey(ctx context.Context, prefix string, at time.Time, e *auth.Event) (bool, error) {
	const doing = "revoking an API key"
	if err := checkText(prefix); err != nil {
		return false, fail(doing, err)
	}
	n, err := s.exec(ctx, e, `UPDATE api_keys SET revoked_at = @at WHERE prefix = @prefix AND revoked_at IS NULL`,
		params{"prefix": prefix, "at": micros(at)})
	if err != nil {
		return false, fail(doing, err)
	}
	if n == 0 {
		_, err := s.APIKeyByPrefix(ctx, prefix)
		return false, err
	}
	return true, nil
}

func fromAPIKeyRow(r models.APIKey) auth.APIKey {
	k := auth.APIKey{
		ID: r.ID, Name: r.Name, Prefix: r.Prefix, Hash: fromHash(r.Hash),
		CreatedAt: fromMicros(r.CreatedAt), LastUsedAt: fromMicrosPtr(r.LastUsedAt), RevokedAt: fromMicrosPtr(r.RevokedAt),
	}
	for _, scope := range strings.Fields(r.Scopes) {
		k.Scopes = append(k.Scopes, auth.Scope(scope))
	}
	return k
}
