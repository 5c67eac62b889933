package store

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"gorm.io/gorm"
)

const (
	maxTries   = 3
	retryPause = 5 * time.Millisecond
)

// params are the named parameters of a statement, @name in its text. GORM
// takes a slice that stands right after an opening parenthesis apart, bytes
// too: write "( @hash".
type params = map[string]any

// retry does op again after an error that proves that nothing was done.
func retry(ctx context.Context, op func() error) error {
	for try := 1; ; try++ {
		err := op()
		if err == nil || try == maxTries || !rolledBack(ctx, err) {
			return err
		}
		if pause(ctx, time.Duration(try)*retryPause) != nil {
			return err
		}
	}
}

// pause waits, but not longer than ctx lasts.
func pause(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// handle is a connection pool with the time that a statement may take.
type handle struct {
	db      *gorm.DB
	timeout time.Duration
}

// bounded returns ctx with the timeout of an operation.
func (h handle) bounded(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, h.timeout)
}

// WithContext returns the pool for one statement; ctx should be a bounded one.
func (h handle) WithContext(ctx context.Context) *gorm.DB { return h.db.WithContext(ctx) }

// transaction runs fn in a transaction; its error rolls back. fn may run more
// than once, with a context of its own.
func (s *Store) transaction(ctx context.Context, fn func(tx *gorm.DB) error) error {
	ctx, cancel := s.begin.bounded(ctx)
	defer cancel()
	var opts []*sql.TxOptions
	if s.dialect.tx != nil {
		opts = append(opts, s.dialect.tx)
	}
	return retry(ctx, func() error { return s.begin.WithContext(ctx).Transaction(fn, opts...) })
}

// exec runs a statement outside of a transaction; it returns the number of
// rows that it changed.
func (s *Store) exec(ctx context.Context, statement string, p params) (n int64, err error) {
	ctx, cancel := s.write.bounded(ctx)
	defer cancel()
	err = retry(ctx, func() error {
		done := s.write.WithContext(ctx).Exec(statement, p)
		n = done.RowsAffected
		return done.Error
	})
	return n, err
}

// query runs a statement outside of a transaction and scans its rows.
func query[T any](ctx context.Context, h handle, statement string, p params, fields func(*T) []any) (list []T, err error) {
	ctx, cancel := h.bounded(ctx)
	defer cancel()
	err = retry(ctx, func() error {
		list, err = collect(h.WithContext(ctx), statement, p, fields)
		return err
	})
	return list, err
}

// queryOne is query for a statement of at most one row; ErrRecordNotFound when
// there is none.
func queryOne[T any](ctx context.Context, h handle, statement string, p params, fields func(*T) []any) (one T, err error) {
	list, err := query(ctx, h, statement, p, fields)
	if err != nil {
		return one, err
	}
	if len(list) == 0 {
		return one, gorm.ErrRecordNotFound
	}
	return list[0], nil
}

// collect reads the rows to the end and closes them. A statement that changes
// something commits on SQLite when its rows end: only then is it known to have
// happened.
func collect[T any](db *gorm.DB, statement string, p params, fields func(*T) []any) (list []T, err error) {
	var args []any
	if len(p) > 0 {
		args = append(args, p)
	}
	rows, err := db.Raw(statement, args...).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var row T
		if err := rows.Scan(fields(&row)...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}
