package store

import (
	"strings"

	"rekey/models"
)

// sessionColumns are the columns of sessions in the order of sessionFields.
func sessionColumns() []string {
	return []string{
		"id", "user_id", "generation", "secret_hash", "previous_hash", "rotated_at", "retry_hash",
		"issued_at", "access_expires_at", "refresh_expires_at", "expires_at",
		"user_agent", "ip_address", "created_at", "last_seen_at",
		"refresh_blacklisted_at", "revoked_at", "revoked_reason",
	}
}

func sessionFields(s *models.Session) []any {
	return []any{
		&s.ID, &s.UserID, &s.Generation, &s.SecretHash, &s.PreviousHash, &s.RotatedAt, &s.RetryHash,
		&s.IssuedAt, &s.AccessExpiresAt, &s.RefreshExpiresAt, &s.ExpiresAt,
		&s.UserAgent, &s.IPAddress, &s.CreatedAt, &s.LastSeenAt,
		&s.RefreshBlacklistedAt, &s.RevokedAt, &s.RevokedReason,
	}
}

// userColumns are the columns of users in the order of userFields.
func userColumns() []string {
	return []string{
		"id", "name", "email", "email_key", "email_verified_at",
		"created_at", "updated_at", "disabled_at", "password_hash", "auth_epoch",
	}
}

func userFields(u *models.User) []any {
	return []any{
		&u.ID, &u.Name, &u.Email, &u.EmailKey, &u.EmailVerifiedAt,
		&u.CreatedAt, &u.UpdatedAt, &u.DisabledAt, &u.PasswordHash, &u.AuthEpoch,
	}
}

// list writes columns with a comma in between, each in its wrapping.
func list(before string, columns []string, after string) string {
	var b strings.Builder
	for i, column := range columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(before + column + after)
	}
	return b.String()
}
