package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// migrationsOf returns the migrations of an engine. They are embedded in the
// program.
func migrationsOf(name string) fs.FS {
	sub, err := fs.Sub(migrations, "migrations/"+name)
	if err != nil {
		panic(err) // the path is a constant that embed has checked
	}
	return sub
}

// Migrate brings the schema up to date and returns how many migrations it
// applied. Replicas that start at the same time wait for each other.
func (s *Store) Migrate(ctx context.Context) (applied int, err error) {
	if s.dialect.name == Postgres {
		applied, err = s.migratePostgres(ctx)
	} else {
		applied, err = s.migrateSQLite(ctx)
	}
	return applied, fail("migrating the database", err)
}

// A waiting replica asks for the advisory lock once a second, for at most five
// minutes.
const (
	migrationLockPause = time.Second
	migrationLockTries = 300
)

// errMigrating is returned if another replica migrates for too long.
var errMigrating = errors.New("another replica has been migrating the database for 5 minutes")

// migratePostgres uses a pool of its own without timeouts of statements, because
// building an index may take longer than a statement of a request may. The lock
// belongs to a transaction, because a pooler may give the next statement outside
// of one to another session.
func (s *Store) migratePostgres(ctx context.Context) (applied int, err error) {
	c, err := newConnector(s.options, map[string]string{"statement_timeout": "0"})
	if err != nil {
		return 0, err
	}
	config := s.connector.config.Load().Copy() // the password may have changed
	if _, given := config.RuntimeParams["statement_timeout"]; given {
		config.RuntimeParams["statement_timeout"] = "0"
	}
	c.config.Store(config)
	pool := sql.OpenDB(c)
	defer func() { err = errors.Join(err, pool.Close()) }()
	tx, err := pool.BeginTx(ctx, s.dialect.tx)
	if err != nil {
		return 0, err
	}
	defer func() { _ = tx.Rollback() }()
	if err := lockMigrations(ctx, tx); err != nil {
		return 0, err
	}
	return s.up(ctx, pool)
}

func lockMigrations(ctx context.Context, tx *sql.Tx) error {
	if _, err := tx.ExecContext(ctx, "SET LOCAL idle_in_transaction_session_timeout = 0"); err != nil {
		return err
	}
	for range migrationLockTries {
		var locked bool
		if err := tx.QueryRowContext(ctx, "SELECT pg_try_advisory_xact_lock($1)", lock.DefaultLockID).Scan(&locked); locked || err != nil {
			return err
		}
		if err := pause(ctx, migrationLockPause); err != nil {
			return err
		}
	}
	return errMigrating
}

func (s *Store) migrateSQLite(ctx context.Context) (applied int, err error) {
	held, err := lockFile(ctx, s.options.Path+migrateSuffix, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, held.release()) }()
	// A migration is not retried, so that its statements wait by themselves. The
	// pool has one connection.
	wait := func(milliseconds int) error {
		return retry(ctx, func() error {
			_, err := s.pools[0].ExecContext(ctx, fmt.Sprintf("PRAGMA busy_timeout = %d", milliseconds))
			return err
		})
	}
	if err := wait(busyTries * busyTimeout); err != nil {
		return 0, err
	}
	applied, err = s.up(ctx, s.pools[0])
	return applied, errors.Join(err, wait(busyTimeout))
}

func (s *Store) up(ctx context.Context, pool *sql.DB, options ...goose.ProviderOption) (int, error) {
	options = append(options, goose.WithDisableGlobalRegistry(true), goose.WithSlog(s.options.logger()), goose.WithGoMigrations(s.goMigrations()...))
	provider, err := goose.NewProvider(s.dialect.goose, pool, s.dialect.migrations, options...)
	if err != nil {
		return 0, err
	}
	results, err := provider.Up(ctx)
	return len(results), err
}
