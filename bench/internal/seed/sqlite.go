package seed

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"rekey/internal/auth"
)

// SQLite creates the sessions with numbers from (inclusive) to to (exclusive) in
// one transaction, each with a user of its own.
func SQLite(ctx context.Context, db *sql.DB, from, to int, issued time.Time) (err error) {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("making sessions: %w", err)
	}
	for n := from; n < to && err == nil; n++ {
		err = insert(ctx, tx, n, issued.Truncate(time.Second))
	}
	if err != nil {
		return errors.Join(fmt.Errorf("making sessions: %w", err), tx.Rollback())
	}
	return tx.Commit()
}

func insert(ctx context.Context, tx *sql.Tx, n int, iat time.Time) error {
	email := fmt.Sprintf("bench%d@example.com", n)
	_, err := tx.ExecContext(ctx, `INSERT INTO users (id, name, email, email_key, created_at, updated_at, password_hash, auth_epoch)
		VALUES (?, 'Bench', ?, ?, ?, ?, '', 0)`, userID(n), email, email, iat.UnixMicro(), iat.UnixMicro())
	if err != nil {
		return err
	}
	hash := auth.HashSecret(secret(n))
	_, err = tx.ExecContext(ctx, `INSERT INTO sessions (id, user_id, generation, secret_hash, issued_at, access_expires_at, refresh_expires_at,
			expires_at, user_agent, ip_address, created_at, last_seen_at, revoked_reason)
		VALUES (?, ?, 1, ?, ?, ?, ?, ?, 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', '192.0.2.1', ?, ?, '')`,
		SessionID(n), userID(n), hash[:], iat.UnixMicro(), iat.Add(accessLife).UnixMicro(), iat.Add(refreshLife).UnixMicro(),
		iat.Add(sessionLife).UnixMicro(), iat.UnixMicro(), iat.UnixMicro())
	return err
}
