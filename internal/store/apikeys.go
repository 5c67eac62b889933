package store

import (
	"context"
	"strings"
	"time"

	"rekey/internal/auth"
	"rekey/models"
)

var _ auth.APIKeyStore = (*Store)(nil)

const apiKeyColumns = "id, name, prefix, hash, scopes, created_at, last_used_at, revoked_at"

func apiKeyFields(k *models.APIKey) []any {
	return []any{&k.ID, &k.Name, &k.Prefix, &k.Hash, &k.Scopes, &k.CreatedAt, &k.LastUsedAt, &k.RevokedAt}
}

// CreateAPIKey implements [auth.APIKeyStore].
func (s *Store) CreateAPIKey(ctx context.Context, k auth.APIKey, kept ...auth.Event) error {
	const doing = "create an API key"
	if err := checkIDs(k.ID); err != nil {
		return fail(doing, err)
	}
	if err := checkText(k.Name, k.Prefix); err != nil {
		return fail(doing, err)
	}
	row := apiKeyRow(k)
	_, err := s.execKeeping(ctx, kept, `INSERT INTO api_keys (`+apiKeyColumns+`)
		VALUES ( @id, @name, @prefix, @hash, @scopes, @created, @used, @revoked)`,
		params{
			"id": row.ID, "name": row.Name, "prefix": row.Prefix, "hash": row.Hash, "scopes": row.Scopes,
			"created": row.CreatedAt, "used": row.LastUsedAt, "revoked": row.RevokedAt,
		})
	return fail(doing, err)
}

// APIKeyByPrefix implements [auth.APIKeyStore].
func (s *Store) APIKeyByPrefix(ctx context.Context, prefix string) (auth.APIKey, error) {
	const doing = "find an API key"
	if err := checkText(prefix); err != nil {
		return auth.APIKey{}, fail(doing, err)
	}
	row, err := queryOne(ctx, s.read, `SELECT `+apiKeyColumns+` FROM api_keys WHERE prefix = @prefix`,
		params{"prefix": prefix}, apiKeyFields)
	if err != nil {
		return auth.APIKey{}, fail(doing, err)
	}
	return fromAPIKeyRow(row), nil
}

// APIKeys implements [auth.APIKeyStore].
func (s *Store) APIKeys(ctx context.Context) ([]auth.APIKey, error) {
	rows, err := query(ctx, s.read, `SELECT `+apiKeyColumns+` FROM api_keys ORDER BY created_at, id`, nil, apiKeyFields)
	if err != nil {
		return nil, fail("list API keys", err)
	}
	keys := make([]auth.APIKey, len(rows))
	for i, row := range rows {
		keys[i] = fromAPIKeyRow(row)
	}
	return keys, nil
}

// TouchAPIKey implements [auth.APIKeyStore]. The time never goes back.
func (s *Store) TouchAPIKey(ctx context.Context, id string, at time.Time) error {
	if !isID(id) {
		return nil
	}
	_, err := s.exec(ctx, `UPDATE api_keys SET last_used_at = @at WHERE id = @id AND COALESCE(last_used_at, 0) < @at`,
		params{"id": id, "at": micros(at)})
	return fail("note the use of an API key", err)
}

// RevokeAPIKey implements [auth.APIKeyStore].
func (s *Store) RevokeAPIKey(ctx context.Context, prefix string, at time.Time, kept ...auth.Event) (bool, error) {
	const doing = "revoke an API key"
	if err := checkText(prefix); err != nil {
		return false, fail(doing, err)
	}
	n, err := s.execKeeping(ctx, kept, `UPDATE api_keys SET revoked_at = @at WHERE prefix = @prefix AND revoked_at IS NULL`,
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

func apiKeyRow(k auth.APIKey) models.APIKey {
	scopes := make([]string, len(k.Scopes))
	for i, s := range k.Scopes {
		scopes[i] = string(s)
	}
	return models.APIKey{
		ID: k.ID, Name: k.Name, Prefix: k.Prefix, Hash: k.Hash[:], Scopes: strings.Join(scopes, " "),
		CreatedAt: micros(k.CreatedAt), LastUsedAt: microsPtr(k.LastUsedAt), RevokedAt: microsPtr(k.RevokedAt),
	}
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
