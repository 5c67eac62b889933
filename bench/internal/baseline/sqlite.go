package baseline

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"time"

	_ "github.com/glebarez/sqlite" // the driver that rekey uses

	"rekey/bench/internal/seed"
)

// OpenSQLite opens a file as rekey does: one connection writes, and a commit is
// on disk when it returns.
func OpenSQLite(path string) (*sql.DB, error) {
	query := url.Values{"_pragma": {"busy_timeout(3000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)"}, "_txlock": {"immediate"}}
	dsn := url.URL{Scheme: "file", Path: path, RawQuery: query.Encode()}
	db, err := sql.Open("sqlite", dsn.String())
	if err != nil {
		return nil, fmt.Errorf("opening SQLite: %w", err)
	}
	db.SetMaxOpenConns(1)
	return db, nil
}

// sqliteSwap is swap for SQLite. The hashes change places, because SQLite has no
// sums over text.
const sqliteSwap = `UPDATE sessions SET generation = generation + 1, previous_hash = secret_hash, secret_hash = ?,
	rotated_at = (CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000), retry_hash = ?,
	issued_at = issued_at + 1, access_expires_at = MIN(access_expires_at + 1, expires_at),
	refresh_expires_at = MIN(refresh_expires_at + 1, expires_at), last_seen_at = last_seen_at + 1
	WHERE id = ? AND revoked_at IS NULL AND refresh_blacklisted_at IS NULL RETURNING id, generation`

// SQLiteLoop swaps the first sessions in sequence, each durably, for the given
// time. It returns the number of swaps per second.
func SQLiteLoop(ctx context.Context, path string, sessions int, length time.Duration, now func() time.Time) (rate float64, err error) {
	db, err := OpenSQLite(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	statement, err := db.PrepareContext(ctx, sqliteSwap)
	if err != nil {
		return 0, fmt.Errorf("preparing the swap: %w", err)
	}
	defer func() { err = errors.Join(err, statement.Close()) }()
	n, begun, hash := 0, now(), make([]byte, 32)
	for now().Sub(begun) < length {
		var id string
		var generation int64
		if err := statement.QueryRowContext(ctx, hash, hash, seed.SessionID(n%sessions)).Scan(&id, &generation); err != nil {
			return 0, fmt.Errorf("swapping: %w", err)
		}
		n++
	}
	return float64(n) / now().Sub(begun).Seconds(), nil
}
