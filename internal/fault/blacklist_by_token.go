//go:build faults

package fault

import (
	"context"
	"crypto/sha256"
	"sync"
	"time"

	"rekey/internal/auth"
)

// blacklistByToken keeps single access tokens by what they look like. A token
// of ES256 has many looks that verify: with (r, n-s) for the signature (r, s)
// it passes.
type blacklistByToken struct {
	auth.Store
	seen *spellings
}

// spellings has for each session the access token that was verified last: the
// core does not tell the store what a token looks like.
type spellings struct {
	mu   sync.Mutex
	last map[string]string
}

// lookedAtTokens looks up what a token looks like once it has verified.
type lookedAtTokens struct {
	auth.Tokens
	m    *machine
	seen *spellings
}

func wrapBlacklistByToken(m *machine, o auth.Options) auth.Options {
	seen := &spellings{last: map[string]string{}}
	o.Store, o.Tokens = blacklistByToken{o.Store, seen}, lookedAtTokens{o.Tokens, m, seen}
	return o
}

// BlacklistAccess implements [auth.Store].
func (s blacklistByToken) BlacklistAccess(ctx context.Context, t auth.BlacklistedToken, events ...auth.Event) (auth.BlacklistedToken, error) {
	key := t
	key.SecretHash = sha256.Sum256([]byte(s.seen.find(t.SessionID)))
	kept, err := s.Store.BlacklistAccess(ctx, key, events...)
	kept.SecretHash = t.SecretHash
	return kept, err
}

// Verify implements [auth.Tokens].
func (t lookedAtTokens) Verify(use auth.TokenUse, token string, now time.Time) (auth.Claims, error) {
	claims, err := t.Tokens.Verify(use, token, now)
	if err != nil || use != auth.UseAccess {
		return claims, err
	}
	t.seen.note(claims.SessionID, token)
	listed, err := t.listed(claims.SessionID, token)
	if err == nil && listed {
		err = auth.Unauthenticated(auth.ReasonTokenBlacklisted, "token is blacklisted")
	}
	return claims, err
}

func (t lookedAtTokens) listed(sessionID, token string) (listed bool, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), sqlTimeout) // Verify has none
	defer cancel()
	look := sha256.Sum256([]byte(token))
	err = readRow(t.m.db.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM blacklisted_tokens
		WHERE session_id::text = $1 AND secret_hash = $2 AND use = $3)`, sessionID, look[:], string(auth.UseAccess)), &listed)
	return listed, err
}

func (s *spellings) note(sessionID, token string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last[sessionID] = token
}

func (s *spellings) find(sessionID string) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.last[sessionID]
}
