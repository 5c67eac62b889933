package store

import (
	"context"
	"errors"
	"reflect"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

const (
	maxTries   = 3
	retryPause = 5 * time.Millisecond
)

// params are the named parameters of a statement: @name in its text. GORM
// expands a slice, even one of bytes, that directly follows an opening
// parenthesis. Write "( @hash", with a space.
type params = map[string]any

// retry repeats op while its error proves that nothing was done and that
// another try may succeed.
func retry(ctx context.Context, op func() error) error {
	busy := 0
	for try := 1; ; try++ {
		err := op()
		if isBusy(err) {
			if busy++; busy == busyTries || ctx.Err() != nil {
				return err
			}
			try = 0
			continue
		}
		if err == nil || try == maxTries || !rolledBack(ctx, err) {
			return err
		}
		if pause(ctx, time.Duration(try)*retryPause) != nil {
			return err
		}
	}
}

// pause waits for d, or until ctx is done.
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

// handle is a connection pool with the time limit of an operation.
type handle struct {
	db      *gorm.DB
	timeout time.Duration
}

// run calls op with the pool, within the time limit and with retries. op runs
// one statement or one transaction.
func (h handle) run(ctx context.Context, op func(db *gorm.DB) error) error {
	ctx, cancel := context.WithTimeout(ctx, h.timeout)
	defer cancel()
	return retry(ctx, func() error { return op(h.db.WithContext(ctx)) })
}

// transaction runs op in a transaction, which an error of op rolls back. op may
// run more than once. Its context is that of tx.Statement.
func (s *Store) transaction(ctx context.Context, op func(tx *gorm.DB) error) error {
	return s.begin.run(ctx, func(db *gorm.DB) error { return db.Transaction(op, s.dialect.tx) })
}

// exec runs a statement that changes something and returns the number of rows
// that it changed. If it changed any, the event, unless nil, is recorded in the same
// transaction.
func (s *Store) exec(ctx context.Context, e *auth.Event, statement string, p params) (n int64, err error) {
	change := func(db *gorm.DB) error {
		done := db.Exec(statement, p)
		n = done.RowsAffected
		return done.Error
	}
	if e == nil {
		err = s.write.run(ctx, change)
		return n, err
	}
	err = s.transaction(ctx, func(tx *gorm.DB) error {
		if err := change(tx); err != nil || n == 0 {
			return err
		}
		return record(tx, []auth.Event{*e})
	})
	return n, err
}

// change runs a statement that changes something and returns its rows. The
// events that are chosen by these rows are recorded in the same transaction.
func change[T any](
	ctx context.Context, s *Store, statement string, p params, events func([]T) []auth.Event,
) (list []T, err error) {
	err = s.transaction(ctx, func(tx *gorm.DB) (err error) {
		if list, err = collect[T](tx, statement, p); err != nil {
			return err
		}
		return record(tx, events(list))
	})
	return list, err
}

// query returns the rows of a SELECT.
func query[T any](ctx context.Context, s *Store, statement string, p params) (list []T, err error) {
	err = s.read.run(ctx, func(db *gorm.DB) (err error) {
		list, err = collect[T](db, statement, p)
		return err
	})
	return list, err
}

// queryOne returns the row of a SELECT that has at most one. It returns
// gorm.ErrRecordNotFound if there is none.
func queryOne[T any](ctx context.Context, s *Store, statement string, p params) (row T, err error) {
	list, err := query[T](ctx, s, statement, p)
	if err != nil {
		return row, err
	}
	if len(list) == 0 {
		return row, gorm.ErrRecordNotFound
	}
	return list[0], nil
}

// collect reads the rows to the end and closes them. On SQLite, a statement
// that changes something commits when its rows are closed. An error of closing
// them therefore means that the change may not have happened.
func collect[T any](db *gorm.DB, statement string, p params) (list []T, err error) {
	var args []any
	if len(p) > 0 {
		args = append(args, p)
	}
	rows, err := db.Raw(statement, args...).Rows()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	var row T
	into := fields(&row)
	for rows.Next() {
		if err := rows.Scan(into...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, rows.Err()
}

// fields returns pointers to the fields of a row, in order, or the pointer
// itself if it does not point to a struct. The fields of a nested struct take
// the place of that struct. A row may be copied and then scanned into again,
// because every scan allocates the slices and pointers that it stores.
func fields(row any) []any {
	return appendFields(make([]any, 0, 40), reflect.ValueOf(row).Elem())
}

func appendFields(all []any, v reflect.Value) []any {
	if v.Kind() != reflect.Struct {
		return append(all, v.Addr().Interface())
	}
	for i := range v.NumField() {
		all = appendFields(all, v.Field(i))
	}
	return all
}
