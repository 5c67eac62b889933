package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

// sqliteRotator rotates on SQLite, which has one writer. One statement runs at
// a time, and a batch is a transaction, so that its rotations wait for the disk
// once.
type sqliteRotator struct {
	*Store
	pool *sql.DB
	text string

	mu       sync.Mutex
	prepared *sql.Stmt
}

// newSQLiteBatcher reads the user's columns by scalar subqueries, because
// SQLite accepts no columns of a FROM in RETURNING.
func newSQLiteBatcher(s *Store, pool *sql.DB) *batcher {
	q := &sqliteRotator{Store: s, pool: pool}
	q.text = s.rotateStatement(rotateSet+rotateWhere+`
			AND EXISTS (SELECT 1 FROM users u WHERE u.id = sessions.user_id AND u.disabled_at IS NULL)
		RETURNING `+sessionColumns+`, `+each(userColumns, "(SELECT u.", " FROM users u WHERE u.id = sessions.user_id)")+`, CLOCK, false`, numbered)
	return &batcher{single: q.rotate, batch: q.rotateBatch, slots: 1, slotTime: slotTime, timeout: s.options.timeout()}
}

// statement prepares the statement at its first use, because the tables may not
// exist when the store is opened. It must not be called inside a transaction,
// which holds the only connection.
func (q *sqliteRotator) statement(ctx context.Context) (*sql.Stmt, error) {
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

func (q *sqliteRotator) rotate(ctx context.Context, r *auth.Rotation) (row stateRow, err error) {
	ctx, cancel := context.WithTimeout(ctx, q.options.timeout())
	defer cancel()
	begin := time.Now() //nolint:forbidigo // it is logged, and nothing is judged by it
	err = retry(ctx, func() error {
		statement, err := q.statement(ctx)
		if err == nil {
			row, err = rotateBy(ctx, statement, r)
		}
		return err
	})
	q.trace(ctx, begin, q.text, err)
	return row, err
}

// rotateBy reads the rows to the end and closes them, because SQLite commits at
// that point.
func rotateBy(ctx context.Context, statement *sql.Stmt, r *auth.Rotation) (row stateRow, err error) {
	rows, err := statement.QueryContext(ctx, rotateArgs(r)...)
	if err != nil {
		return row, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	found := false
	for rows.Next() {
		found = true
		if err := rows.Scan(fields(&row)...); err != nil {
			return row, err
		}
	}
	if err := rows.Err(); err != nil || found {
		return row, err
	}
	return row, gorm.ErrRecordNotFound
}

func (q *sqliteRotator) rotateBatch(ctx context.Context, batch []*pending) (err error) {
	begin := time.Now() //nolint:forbidigo // it is logged, and nothing is judged by it
	defer func() { q.trace(ctx, begin, q.text, err) }()
	statement, err := q.statement(ctx)
	if err != nil {
		return fmt.Errorf("%w: %w", err, auth.ErrNothingDone)
	}
	tx, err := q.pool.BeginTx(ctx, nil)
	if err != nil {
		return fmt.Errorf("%w: %w", err, auth.ErrNothingDone)
	}
	for _, p := range batch {
		row, err := rotateBy(ctx, tx.StmtContext(ctx, statement), &p.rotation)
		switch {
		case err == nil:
			p.row, p.found = row, true
		case !errors.Is(err, gorm.ErrRecordNotFound):
			return errors.Join(err, tx.Rollback(), auth.ErrNothingDone)
		}
	}
	return tx.Commit()
}
