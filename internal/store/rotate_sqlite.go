package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

// sqliteSwaps swaps on SQLite, which has one writer: there is one statement
// under way, and a batch is a transaction, for whose commit the disk is waited
// for once.
type sqliteSwaps struct {
	*Store
	pool *sql.DB
	text string

	mu       sync.Mutex
	prepared *sql.Stmt
}

// newSQLiteSwaps: the user's columns are scalar subqueries because SQLite knows
// no columns of a FROM in RETURNING.
func newSQLiteSwaps(s *Store, pool *sql.DB) *swaps {
	q := &sqliteSwaps{Store: s, pool: pool}
	q.text = s.swapText(swapSet+swapWhere+`
			AND EXISTS (SELECT 1 FROM users u WHERE u.id = sessions.user_id AND u.disabled_at IS NULL)
		RETURNING `+list("", sessionColumns(), "")+`,
			user_id, `+list("(SELECT u.", userColumns()[1:], " FROM users u WHERE u.id = sessions.user_id)")+`, CLOCK, false`, byNumber)
	return &swaps{single: q.swap, together: q.swapTogether, limit: 1, timeout: s.options.timeout(), patience: patience}
}

// statement is prepared at its first use: the tables are not there when the
// store is opened. It must not be inside a transaction, which has the only
// connection.
func (q *sqliteSwaps) statement(ctx context.Context) (*sql.Stmt, error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if q.prepared == nil {
		prepared, err := q.pool.PrepareContext(ctx, q.text)
		if err != nil {
			return nil, err
		}
		q.prepared = prepared // until the pool is closed
	}
	return q.prepared, nil
}

func (q *sqliteSwaps) swap(ctx context.Context, r auth.Rotation) (row stateRow, err error) {
	ctx, cancel := q.write.bounded(ctx)
	defer cancel()
	statement, err := q.statement(ctx)
	if err != nil {
		return row, err
	}
	err = q.traced(ctx, q.text, func() (err error) {
		row, err = swapBy(ctx, statement, r)
		return err
	})
	return row, err
}

// swapBy reads the rows to the end and closes them: SQLite commits there.
func swapBy(ctx context.Context, statement *sql.Stmt, r auth.Rotation) (row stateRow, err error) {
	rows, err := statement.QueryContext(ctx, swapArgs(r)...)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found := false
	for rows.Next() {
		found = true
		if err := rows.Scan(stateFields(&row)...); err != nil {
			return row, err
		}
	}
	if err := rows.Err(); err != nil || found {
		return row, err
	}
	return row, gorm.ErrRecordNotFound
}

func (q *sqliteSwaps) swapTogether(ctx context.Context, batch []*swap) error {
	statement, err := q.statement(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", err, auth.ErrNothingDone)
	}
	return q.traced(ctx, q.text, func() error {
		tx, err := q.pool.BeginTx(ctx, nil)
		if err != nil {
			return fmt.Errorf("%w: %w", err, auth.ErrNothingDone)
		}
		for _, c := range batch {
			row, err := swapBy(ctx, tx.StmtContext(ctx, statement), c.rotation)
			switch {
			case err == nil:
				c.row, c.found = row, true
			case !errors.Is(err, gorm.ErrRecordNotFound):
				return errors.Join(err, tx.Rollback(), auth.ErrNothingDone)
			}
		}
		return tx.Commit()
	})
}
