package seed

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"time"

	"rekey/internal/auth"
	"rekey/internal/token"
)

// The seeded rows and their tokens share these values on every engine.
const (
	sessionPrefix = "0196f0a4-7d3e-7a51-8b1f-"
	userPrefix    = "0196f0a4-7d3e-7a51-8b20-"
	secretPrefix  = "bench secret "
	accessLife    = 15 * time.Minute
	refreshLife   = 30 * 24 * time.Hour
	sessionLife   = 90 * 24 * time.Hour
)

// SessionID is the id of a session.
func SessionID(number int) string { return fmt.Sprintf("%s%012x", sessionPrefix, number) }

func userID(number int) string { return fmt.Sprintf("%s%012x", userPrefix, number) }

func secret(number int) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%s%d", secretPrefix, number))
	return hex.EncodeToString(sum[:])
}

// Token returns the refresh token of a session that was never rotated. issued
// must be the time that its row was created with.
func Token(codec *token.Codec, number int, issued time.Time) (string, error) {
	iat := issued.Truncate(time.Second)
	return codec.Mint(auth.UseRefresh, auth.Claims{
		User: auth.ClaimsUser{
			ID: userID(number), Name: "Bench", Email: fmt.Sprintf("bench%d@example.com", number), CreatedAt: iat, UpdatedAt: iat,
		},
		SessionID: SessionID(number), Secret: secret(number), IssuedAt: iat, ExpiresAt: iat.Add(refreshLife),
	})
}
