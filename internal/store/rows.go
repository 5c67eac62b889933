package store

import (
	"time"

	"rekey/internal/auth"
	"rekey/models"
)

func micros(t time.Time) int64 { return t.UnixMicro() }

func fromMicros(us int64) time.Time { return time.UnixMicro(us).UTC() }

func microsPtr(t *time.Time) *int64 {
	if t == nil {
		return nil
	}
	us := micros(*t)
	return &us
}

func fromMicrosPtr(us *int64) *time.Time {
	if us == nil {
		return nil
	}
	t := fromMicros(*us)
	return &t
}

// hashBytes returns nil for no hash, which is stored as NULL.
func hashBytes(h *auth.SecretHash) []byte {
	if h == nil {
		return nil
	}
	return h[:]
}

func fromHash(b []byte) (h auth.SecretHash) {
	copy(h[:], b)
	return h
}

func fromHashPtr(b []byte) *auth.SecretHash {
	if b == nil {
		return nil
	}
	h := fromHash(b)
	return &h
}

func userRow(u auth.User) models.User {
	return models.User{
		ID: u.ID, Name: u.Name, Email: u.Email, EmailKey: u.EmailKey,
		EmailVerifiedAt: microsPtr(u.EmailVerifiedAt),
		CreatedAt:       micros(u.CreatedAt),
		UpdatedAt:       micros(u.UpdatedAt),
		DisabledAt:      microsPtr(u.DisabledAt),
		PasswordHash:    u.PasswordHash,
		AuthEpoch:       u.AuthEpoch,
	}
}

func fromUserRow(r models.User) auth.User {
	return auth.User{
		ID: r.ID, Name: r.Name, Email: r.Email, EmailKey: r.EmailKey,
		EmailVerifiedAt: fromMicrosPtr(r.EmailVerifiedAt),
		CreatedAt:       fromMicros(r.CreatedAt),
		UpdatedAt:       fromMicros(r.UpdatedAt),
		DisabledAt:      fromMicrosPtr(r.DisabledAt),
		PasswordHash:    r.PasswordHash,
		AuthEpoch:       r.AuthEpoch,
	}
}

func sessionRow(s auth.Session) models.Session {
	return models.Session{
		ID: s.ID, UserID: s.UserID, Generation: s.Generation,
		SecretHash:           s.SecretHash[:],
		PreviousHash:         hashBytes(s.PreviousHash),
		RotatedAt:            microsPtr(s.RotatedAt),
		RetryHash:            hashBytes(s.RetryHash),
		IssuedAt:             micros(s.IssuedAt),
		AccessExpiresAt:      micros(s.AccessExpiresAt),
		RefreshExpiresAt:     micros(s.RefreshExpiresAt),
		ExpiresAt:            micros(s.ExpiresAt),
		UserAgent:            s.UserAgent,
		IPAddress:            s.IPAddress,
		CreatedAt:            micros(s.CreatedAt),
		LastSeenAt:           micros(s.LastSeenAt),
		RefreshBlacklistedAt: microsPtr(s.RefreshBlacklistedAt),
		RevokedAt:            microsPtr(s.RevokedAt),
		RevokedReason:        s.RevokedReason,
	}
}

func fromSessionRow(r models.Session) auth.Session {
	return auth.Session{
		ID: r.ID, UserID: r.UserID, Generation: r.Generation,
		SecretHash:           fromHash(r.SecretHash),
		PreviousHash:         fromHashPtr(r.PreviousHash),
		RotatedAt:            fromMicrosPtr(r.RotatedAt),
		RetryHash:            fromHashPtr(r.RetryHash),
		IssuedAt:             fromMicros(r.IssuedAt),
		AccessExpiresAt:      fromMicros(r.AccessExpiresAt),
		RefreshExpiresAt:     fromMicros(r.RefreshExpiresAt),
		ExpiresAt:            fromMicros(r.ExpiresAt),
		UserAgent:            r.UserAgent,
		IPAddress:            r.IPAddress,
		CreatedAt:            fromMicros(r.CreatedAt),
		LastSeenAt:           fromMicros(r.LastSeenAt),
		RefreshBlacklistedAt: fromMicrosPtr(r.RefreshBlacklistedAt),
		RevokedAt:            fromMicrosPtr(r.RevokedAt),
		RevokedReason:        r.RevokedReason,
	}
}
