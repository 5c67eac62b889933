package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"

	"github.com/jackc/pgx/v5/stdlib"
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
	migrationLockSeconds = 1
	migrationLockTries   = 300
)

// migratePostgres uses a pool of its own without a statement timeout, because
// building an index may take longer than a statement of a request may.
func (s *Store) migratePostgres(ctx context.Context) (applied int, err error) {
	config, err := postgresConfig(s.options.URL)
	if err != nil {
		return 0, err
	}
	config.RuntimeParams["statement_timeout"] = "0"
	pool := stdlib.OpenDB(*config)
	defer func() { err = errors.Join(err, pool.Close()) }()
	locker, err := lock.NewPostgresSessionLocker(lock.WithLockTimeout(migrationLockSeconds, migrationLockTries))
	if err != nil {
		return 0, err
	}
	return s.up(ctx, pool, goose.WithSessionLocker(locker))
}

func (s *Store) migrateSQLite(ctx context.Context) (applied int, err error) {
	held, err := lockFile(ctx, s.options.Path+migrateSuffix, 0)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, held.release()) }()
	return s.up(ctx, s.pools[0])
}

func (s *Store) up(ctx context.Context, pool *sql.DB, options ...goose.ProviderOption) (int, error) {
	options = append(options, goose.WithDisableGlobalRegistry(true), goose.WithSlog(s.options.logger()))
	provider, err := goose.NewProvider(s.dialect.goose, pool, s.dialect.migrations, options...)
	if err != nil {
		return 0, err
	}
	results, err := provider.Up(ctx)
	return len(results), err
}
