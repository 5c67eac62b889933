package store

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/gorm"

	"rekey/internal/auth"
)

// postgresSlots is how many rotation statements run at the same time: while one
// waits for the disk, the server works on the next.
const postgresSlots = 2

// batchLockTimeout makes a batch give up when a row of it is locked. Its
// rotations are then tried one by one, so that the others do not wait for that
// row. The setting lasts as long as the transaction, which includes the batch.
const batchLockTimeout = `SELECT set_config('lock_timeout', '50ms', true)`

// postgresRotator rotates on Postgres, past GORM and database/sql: they would
// neither batch statements nor accept arrays.
type postgresRotator struct {
	*Store
	pool          *sql.DB
	single, batch string // statements
}

func newPostgresBatcher(s *Store, pool *sql.DB) *batcher {
	returning := ` AND u.id = sessions.user_id AND u.disabled_at IS NULL
		RETURNING ` + each(sessionColumns, "sessions.", "") + `, ` + each(userColumns, "u.", "") + `, CLOCK, false`
	p := &postgresRotator{Store: s, pool: pool}
	p.single = s.rotateStatement(rotateSet+` FROM users u`+rotateWhere+returning, numbered)
	arrays := ` FROM unnest($1::uuid[], $2::uuid[], $3::bytea[], $4::bytea[], $5::bytea[], $6::bytea[],
			$7::bigint[], $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[], $14::text[], $15::text[])
			AS r(` + rotateParams + `), users u`
	p.batch = s.rotateStatement(rotateSet+arrays+rotateWhere+returning, func(name string, _ int) string { return "r." + name })
	return &batcher{single: p.rotate, batch: p.rotateBatch, slots: postgresSlots, slotTime: slotTime, timeout: s.options.timeout()}
}

func (p *postgresRotator) rotate(ctx context.Context, r *auth.Rotation) (row stateRow, err error) {
	ctx, cancel := context.WithTimeout(ctx, p.options.timeout())
	defer cancel()
	err = p.run(ctx, p.single, func(conn *pgx.Conn) error {
		rows, err := conn.Query(ctx, p.single, rotateArgs(r)...)
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
	return row, err
}

// rotateBatch rotates in the order of the sessions' ids, so that two batches do
// not deadlock.
func (p *postgresRotator) rotateBatch(ctx context.Context, batch []*pending) error {
	slices.SortFunc(batch, func(a, b *pending) int { return strings.Compare(a.rotation.SessionID, b.rotation.SessionID) })
	args := batchArgs(batch)
	var list []stateRow
	err := p.run(ctx, p.batch, func(conn *pgx.Conn) error {
		var statements pgx.Batch // one transaction, one round trip
		statements.Queue(batchLockTimeout).Exec(func(pgconn.CommandTag) error { return nil })
		statements.Queue(p.batch, args...).Query(func(rows pgx.Rows) (err error) {
			list, err = scanStates(rows, len(batch))
			return err
		})
		return conn.SendBatch(ctx, &statements).Close()
	})
	if err != nil {
		return err
	}
	for _, row := range list {
		i, found := slices.BinarySearchFunc(batch, row.Session.ID, func(p *pending, id string) int {
			return strings.Compare(p.rotation.SessionID, id)
		})
		if found {
			batch[i].row, batch[i].found = row, true
		}
	}
	return nil
}

// batchArgs returns one array for each parameter.
func batchArgs(batch []*pending) []any {
	n := len(batch)
	sessions, owners := make([][16]byte, n), make([][16]byte, n)
	current, next, retry, attempt := make([][]byte, n), make([][]byte, n), make([][]byte, n), make([][]byte, n)
	now, issued, leeway, window := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	access, refresh := make([]int64, n), make([]int64, n)
	agent, address, transport := make([]string, n), make([]string, n), make([]string, n)
	for i, p := range batch {
		r := &p.rotation
		sessions[i], _ = auth.ParseID(r.SessionID) // Rotate has checked both
		owners[i], _ = auth.ParseID(r.UserID)
		current[i], next[i], retry[i], attempt[i] = r.Current[:], r.Next[:], hashBytes(r.RetryHash), r.Attempt[:]
		now[i], issued[i] = micros(r.Now), micros(r.IssuedAt)
		leeway[i], window[i] = r.ClockLeeway.Microseconds(), r.ReuseWindow.Microseconds()
		access[i], refresh[i] = micros(r.AccessExpiresAt), micros(r.RefreshExpiresAt)
		agent[i], address[i], transport[i] = r.UserAgent, r.IPAddress, string(r.Transport)
	}
	return []any{sessions, owners, current, next, retry, attempt, now, issued, leeway, window, access, refresh, agent, address, transport}
}

// scanStates reads the rows to the end.
func scanStates(rows pgx.Rows, most int) (list []stateRow, err error) {
	defer rows.Close()
	var row stateRow
	into := fields(&row)
	list = make([]stateRow, 0, most)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// run calls do with a connection of the pool and logs the statement. It tries
// again after an error that proves that nothing was done: the server rolled it
// back, or the connection was closed before anything was sent. database/sql
// does the latter by itself, but only for the statements that it sees.
func (p *postgresRotator) run(ctx context.Context, text string, do func(conn *pgx.Conn) error) error {
	for try := 1; ; try++ {
		begin := time.Now() //nolint:forbidigo // it is logged, and nothing is judged by it
		conn, err := p.pool.Conn(ctx)
		if err == nil {
			err = conn.Raw(func(driverConn any) error {
				err := do(driverConn.(*stdlib.Conn).Conn())
				if err != nil && pgconn.SafeToRetry(err) {
					return errors.Join(driver.ErrBadConn, err) // the pool drops the connection
				}
				return err
			})
			_ = conn.Close() // returns it to the pool, or does nothing
		}
		p.trace(ctx, begin, text, err)
		retryable := errors.Is(err, driver.ErrBadConn) || rolledBack(ctx, err)
		if err == nil || !retryable || try == maxTries || pause(ctx, time.Duration(try)*retryPause) != nil {
			return err
		}
	}
}
