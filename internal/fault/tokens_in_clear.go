//go:build faults

package fault

import (
	"context"

	"rekey/internal/auth"
)

// tokensInClear stores the refresh token of each rotation in clear text in the
// database, in the column of the user agent.
type tokensInClear struct {
	auth.Tokens
	m *machine
}

// Mint implements [auth.Tokens].
func (t tokensInClear) Mint(use auth.TokenUse, c auth.Claims) (string, error) {
	token, err := t.Tokens.Mint(use, c)
	if err != nil || use != auth.UseRefresh {
		return token, err
	}
	ctx, cancel := context.WithTimeout(context.Background(), sqlTimeout) // Mint has none
	defer cancel()
	_, err = t.m.exec(ctx, `UPDATE sessions SET user_agent = $2 WHERE id::text = $1`, c.SessionID, token)
	return token, err
}
