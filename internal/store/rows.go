package store

import (
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"rekey/internal/auth"
	"rekey/models"
)

// The columns of each table, in the order of the fields of its model.
const (
	userColumns = "id, name, email, email_key, email_verified_at, " +
		"created_at, updated_at, disabled_at, password_hash, auth_epoch, locale, delete_at"
	sessionColumns = "id, user_id, generation, secret_hash, previous_hash, rotated_at, retry_hash, " +
		"run_at, run_iat, before_run_at, before_run_iat, rotated_by, " +
		"issued_at, access_expires_at, refresh_expires_at, expires_at, " +
		"user_agent, ip_address, created_at, last_seen_at, refresh_blacklisted_at, revoked_at, revoked_reason, authenticated_at, methods"
	blacklistColumns    = "session_id, secret_hash, use, reason, blacklisted_at, expires_at"
	eventColumns        = "id, at, kind, user_id, session_id, actor, transport, address, user_agent, request_id, detail, count"
	apiKeyColumns       = "id, name, prefix, hash, scopes, created_at, last_used_at, revoked_at"
	replicaColumns      = "id, seen_at, nodes, keys"
	mailColumns         = "id, kind, user_id, sealed, master, created_at, send_after, tries, expires_at, last_error, dead_at"
	oneTimeTokenColumns = "hash, purpose, user_id, email_key, code_mac, payload, tries, created_at, expires_at, used_at"
	sealedKeyColumns    = "kid, purpose, number, sealed, master, life, created_at, signs_from, ends_at"
)

// each writes before and after around every column of a list.
func each(columns, before, after string) string {
	return before + strings.ReplaceAll(columns, ", ", after+", "+before) + after
}

// rowParams returns the fields of a row as parameters that are named by its
// columns. They are pointers, which both drivers follow.
func rowParams(columns string, row any) params {
	values := fields(row)
	p := make(params, len(values))
	for i, column := range strings.Split(columns, ", ") {
		p[column] = values[i]
	}
	return p
}

// isID reports whether id is a UUID as it is stored: lower case, with hyphens.
// No row has any other id, and Postgres rejects a query for it.
func isID(id string) bool {
	_, ok := auth.ParseID(id)
	return ok
}

func checkIDs(ids ...string) error {
	for _, id := range ids {
		if !isID(id) {
			return fmt.Errorf("an id is not a UUID in lower case: %w", errBadValue)
		}
	}
	return nil
}

// checkText rejects text that Postgres cannot hold, on both engines. SQLite
// would accept it and find no row where Postgres fails.
func checkText(texts ...string) error {
	for _, text := range texts {
		if !utf8.ValidString(text) || strings.ContainsRune(text, 0) {
			return fmt.Errorf("text contains NUL or invalid UTF-8: %w", errBadValue)
		}
	}
	return nil
}

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

// hashBytes returns nil, which is stored as NULL, if there is no hash.
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

// values converts rows to values of the core. The result is never nil.
func values[R, V any](rows []R, convert func(R) V) []V {
	list := make([]V, len(rows))
	for i, row := range rows {
		list[i] = convert(row)
	}
	return list
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
		Locale:          r.Locale,
		DeleteAt:        fromMicrosPtr(r.DeleteAt),
	}
}

func runColumns(r *auth.Run) (at, iat *int64) {
	if r == nil {
		return nil, nil
	}
	return microsPtr(&r.BeganAt), microsPtr(&r.IssuedAt)
}

func fromRunColumns(at, iat *int64) *auth.Run {
	if at == nil || iat == nil {
		return nil
	}
	return &auth.Run{BeganAt: fromMicros(*at), IssuedAt: fromMicros(*iat)}
}

func sessionRow(s auth.Session) models.Session {
	row := models.Session{
		ID: s.ID, UserID: s.UserID, Generation: s.Generation,
		SecretHash:           s.SecretHash[:],
		PreviousHash:         hashBytes(s.PreviousHash),
		RotatedAt:            microsPtr(s.RotatedAt),
		RetryHash:            hashBytes(s.RetryHash),
		RotatedBy:            string(s.RotatedBy),
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
		AuthenticatedAt:      microsPtr(&s.AuthenticatedAt),
		Methods:              methodsText(s.Methods),
	}
	row.RunAt, row.RunIAT = runColumns(s.Run)
	row.BeforeRunAt, row.BeforeRunIAT = runColumns(s.PreviousRun)
	return row
}

// methodsText returns methods as they are stored: separated by spaces.
func methodsText(methods []auth.Method) string {
	return strings.Join(values(methods, func(m auth.Method) string { return string(m) }), " ")
}

func fromMethodsText(text string) []auth.Method {
	return values(strings.Fields(text), func(m string) auth.Method { return auth.Method(m) })
}

func fromSessionRow(r models.Session) auth.Session {
	if r.AuthenticatedAt == nil {
		r.AuthenticatedAt = &r.CreatedAt // an earlier version created the session
	}
	return auth.Session{
		ID: r.ID, UserID: r.UserID, Generation: r.Generation,
		SecretHash:           fromHash(r.SecretHash),
		PreviousHash:         fromHashPtr(r.PreviousHash),
		RotatedAt:            fromMicrosPtr(r.RotatedAt),
		RetryHash:            fromHashPtr(r.RetryHash),
		Run:                  fromRunColumns(r.RunAt, r.RunIAT),
		PreviousRun:          fromRunColumns(r.BeforeRunAt, r.BeforeRunIAT),
		RotatedBy:            auth.Transport(r.RotatedBy),
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
		AuthenticatedAt:      fromMicros(*r.AuthenticatedAt),
		Methods:              fromMethodsText(r.Methods),
	}
}
