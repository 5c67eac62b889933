//go:build faults

package fault

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"rekey/internal/auth"
)

// blacklistByToken blacklists single access tokens by their text. An ES256 token
// has many spellings that verify: the signatures (r, s) and (r, n-s) are both
// valid.
type blacklistByToken struct {
	auth.Store
	seen *spellings
}

// spellings maps each session to the access token that was verified last,
// because the core does not pass the text of a token to the store.
type spellings struct {
	mu   sync.Mutex
	last map[string]string
}

// spelledTokens looks up the text of each token that verifies.
type spelledTokens struct {
	auth.Tokens
	m    *machine
	seen *spellings
}

// BlacklistAccess implements [auth.Store].
func (s blacklistByToken) BlacklistAccess(ctx context.Context, t auth.BlacklistedToken, e *auth.Event) (auth.BlacklistedToken, error) {
	key := t
	key.SecretHash = sha256.Sum256([]byte(s.seen.find(t.SessionID)))
	kept, err := s.Store.BlacklistAccess(ctx, key, e)
	kept.SecretHash = t.SecretHash
	return kept, err
}

// Verify implements [auth.Tokens].
func (t spelledTokens) Verify(use auth.TokenUse, token string, now time.Time) (auth.Claims, error) {
	claims, err := t.Tokens.Verify(use, token, now)
	if err != nil || use != auth.UseAccess {
		return claims, err
	}
	t.seen.record(claims.SessionID, token)
	listed, err := t.listed(claims.SessionID, token)
	if err == nil && listed {
		err = auth.Unauthenticated(auth.ReasonTokenBlacklisted, "token is blacklisted")
	}
	return claims, err
}

func (t spelledTokens) listed(sessionID, token string) (listed bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), sqlTimeout) // Verify has none
	defer cancel()
	hash := sha256.Sum256([]byte(token))
	err = readRow(t.m.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM blacklisted_tokens
		WHERE session_id::text = $1 AND secret_hash = $2 AND use = $3)`, sessionID, hash[:], string(auth.UseAccess)), &listed)
	return listed, err
}

func (s *spellings) record(sessionID, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[sessionID] = token
}

func (s *spellings) find(sessionID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[sessionID]
}
