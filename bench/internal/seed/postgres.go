package seed

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// batch limits the rows of one statement: a million at once would be one long
// transaction.
const batch = 100_000

// Postgres creates the sessions with numbers from (inclusive) to to (exclusive),
// each with a user of its own.
func Postgres(ctx context.Context, conn *pgx.Conn, from, to int, issued time.Time) error {
	iat := issued.Truncate(time.Second)
	for ; from < to; from += batch {
		last := min(from+batch, to) - 1
		_, err := conn.Exec(ctx, `INSERT INTO users (id, name, email, email_key, created_at, updated_at, password_hash, auth_epoch)
			SELECT ($1::text || lpad(to_hex(n), 12, '0'))::uuid, 'Bench', 'bench' || n || '@example.com', 'bench' || n || '@example.com', $2, $2, '', 0
			FROM generate_series($3::int, $4::int) n`, userPrefix, iat.UnixMicro(), from, last)
		if err != nil {
			return fmt.Errorf("making users: %w", err)
		}
		_, err = conn.Exec(ctx, `INSERT INTO sessions (id, user_id, generation, secret_hash, issued_at, access_expires_at, refresh_expires_at,
				expires_at, user_agent, ip_address, created_at, last_seen_at, revoked_reason)
			SELECT ($1::text || lpad(to_hex(n), 12, '0'))::uuid, ($2::text || lpad(to_hex(n), 12, '0'))::uuid, 1,
				sha256(convert_to(encode(sha256(convert_to($3::text || n, 'UTF8')), 'hex'), 'UTF8')),
				$4, $5, $6, $7, 'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0', '192.0.2.1', $4, $4, ''
			FROM generate_series($8::int, $9::int) n`,
			sessionPrefix, userPrefix, secretPrefix,
			iat.UnixMicro(), iat.Add(accessLife).UnixMicro(), iat.Add(refreshLife).UnixMicro(), iat.Add(sessionLife).UnixMicro(), from, last)
		if err != nil {
			return fmt.Errorf("making sessions: %w", err)
		}
	}
	return nil
}

// ResetAll resets all rotated sessions, so that their first tokens are current
// again.
func ResetAll(ctx context.Context, conn *pgx.Conn) error {
	_, err := conn.Exec(ctx, `UPDATE sessions SET generation = 1, previous_hash = NULL, rotated_at = NULL, retry_hash = NULL, issued_at = created_at,
		secret_hash = sha256(convert_to(encode(sha256(convert_to($1::text || ('x' || right(id::text, 12))::bit(48)::bigint, 'UTF8')), 'hex'), 'UTF8'))
		WHERE generation > 1`, secretPrefix)
	if err != nil {
		return fmt.Errorf("resetting sessions: %w", err)
	}
	return nil
}
