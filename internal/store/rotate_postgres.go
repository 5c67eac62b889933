package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"rekey/internal/auth"
)

// swapFlights is how many statements of swaps are under way at a time: while
// one waits for the disk, the next one is worked on.
const swapFlights = 2

// impatient has a batch give up on a row that somebody else holds, and then its
// rotations are tried one by one: the others do not wait for that row. It lasts
// as long as the transaction, which the batch's statement is part of.
const impatient = `SELECT set_config('lock_timeout', '50ms', true)`

// postgresSwaps swaps on Postgres.
type postgresSwaps struct {
	*Store
	pool          *sql.DB
	one, together string
}

func newPostgresSwaps(s *Store, pool *sql.DB) *swaps {
	returning := ` AND u.id = sessions.user_id AND u.disabled_at IS NULL
		RETURNING ` + list("sessions.", sessionColumns(), "") + `, ` + list("u.", userColumns(), "") + `, CLOCK, false`
	p := &postgresSwaps{Store: s, pool: pool}
	p.one = s.swapText(swapSet+` FROM users u`+swapWhere+returning, byNumber)
	rows := `r(` + strings.Join(swapParams(), ", ") + `)`
	from := ` FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[],
			$7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::text[], $13::text[]) AS ` + rows + `, users u`
	p.together = s.swapText(swapSet+from+swapWhere+returning, func(name string, _ int) string { return "r." + name })
	return &swaps{single: p.swap, together: p.swapTogether, limit: swapFlights, timeout: s.options.timeout(), patience: patience}
}

func (p *postgresSwaps) swap(ctx context.Context, r auth.Rotation) (row stateRow, err error) {
	ctx, cancel := p.write.bounded(ctx)
	defer cancel()
	err = retry(ctx, func() error {
		return p.traced(ctx, p.one, func() error {
			return p.connected(ctx, func(conn *pgx.Conn) error {
				rows, err := conn.Query(ctx, p.one, swapArgs(r)...)
				if err != nil {
					return err
				}
				list, err := scanStates(rows, 1)
				if err == nil && len(list) == 0 {
					err = gorm.ErrRecordNotFound
				}
				if err == nil {
					row = list[0]
				}
				return err
			})
		})
	})
	return row, err
}

// swapTogether rotates in the order of the sessions' ids, so that two batches
// do not wait for each other crosswise.
func (p *postgresSwaps) swapTogether(ctx context.Context, batch []*swap) error {
	slices.SortFunc(batch, func(a, b *swap) int { return strings.Compare(a.rotation.SessionID, b.rotation.SessionID) })
	args := batchArgs(batch)
	var found []stateRow
	err := p.traced(ctx, p.together, func() error {
		return p.connected(ctx, func(conn *pgx.Conn) error {
			var statements pgx.Batch // one transaction, one round trip
			statements.Queue(impatient).Exec(func(pgconn.CommandTag) error { return nil })
			statements.Queue(p.together, args...).Query(func(rows pgx.Rows) (err error) {
				found, err = scanStates(rows, len(batch))
				return err
			})
			return conn.SendBatch(ctx, &statements).Close()
		})
	})
	if err != nil {
		return err
	}
	for _, row := range found {
		i, ours := slices.BinarySearchFunc(batch, row.session.ID, func(c *swap, id string) int {
			return strings.Compare(c.rotation.SessionID, id)
		})
		if ours {
			batch[i].row, batch[i].found = row, true
		}
	}
	return nil
}

// batchArgs are the rotations as one array for each parameter.
func batchArgs(batch []*swap) []any {
	n := len(batch)
	sessions, owners := make([][16]byte, n), make([][16]byte, n)
	current, next, retry, attempt := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
	now, issued, leeway, access, refresh := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	agent, address := make([]string, n), make([]string, n)
	for i, c := range batch {
		r := &c.rotation
		sessions[i], owners[i] = uuid.MustParse(r.SessionID), uuid.MustParse(r.UserID) // Rotate has checked them
		current[i], next[i], retry[i], attempt[i] = r.Current[:], r.Next[:], hashBytes(r.RetryHash), r.Attempt[:]
		now[i], issued[i], leeway[i] = micros(r.Now), micros(r.IssuedAt), r.ClockLeeway.Microseconds()
		access[i], refresh[i] = micros(r.AccessExpiresAt), micros(r.RefreshExpiresAt)
		agent[i], address[i] = r.UserAgent, r.IPAddress
	}
	return []any{sessions, owners, current, next, retry, attempt, now, issued, leeway, access, refresh, agent, address}
}

// scanStates reads the rows to the end. All are scanned into the same place:
// what a column points to is made anew for each.
func scanStates(rows pgx.Rows, most int) (list []stateRow, err error) {
	defer rows.Close()
	var row stateRow
	fields := stateFields(&row)
	list = make([]stateRow, 0, most)
	for rows.Next() {
		if err := rows.Scan(fields...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// connected lends a connection of the pool. What was certainly not sent, such
// as to a connection that the server had closed, is tried on another one, as
// database/sql does by itself where it sees the statement.
func (p *postgresSwaps) connected(ctx context.Context, do func(conn *pgx.Conn) error) error {
	for try := 1; ; try++ {
		conn, err := p.pool.Conn(ctx)
		if err != nil {
			return err
		}
		err = conn.Raw(func(driverConn any) error {
			err := do(driverConn.(*stdlib.Conn).Conn())
			if err != nil && pgconn.SafeToRetry(err) {
				return errors.Join(driver.ErrBadConn, err) // it is not used again
			}
			return err
		})
		_ = conn.Close() // it goes back, or is gone already
		if err == nil || try == maxTries || !errors.Is(err, driver.ErrBadConn) {
			return err
		}
	}
}
