package store

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"io/fs"

	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"
)

//go:embed migrations
var migrations embed.FS

// migrationsOf returns the migrations of a dialect; they are part of the
// program.
func migrationsOf(name string) fs.FS {
	sub, err := fs.Sub(migrations, "migrations/"+name)
	if err != nil {
		panic(err) // the path is a constant that embed has checked
	}
	return sub
}

// Migrate brings the schema up to date and returns how many migrations it
// applied. Replicas that start at once wait for each other.
func (s *Store) Migrate(ctx context.Context) (applied int, err error) {
	if s.options.postgres() {
		applied, err = s.migratePostgres(ctx)
	} else {
		applied, err = s.migrateSQLite(ctx)
	}
	return applied, fail("migrate the database", err)
}

// Each second a waiting replica asks for the advisory lock again, for at most
// five minutes.
const (
	migrationLockSeconds = 1
	migrationLockTries   = 300
)

func (s *Store) migratePostgres(ctx context.Context) (applied int, err error) {
	pool, err := migrationPool(s.options.URL)
	if err != nil {
		return 0, err
	}
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
	pool, err := s.begin.db.DB()
	if err != nil {
		return 0, err
	}
	return s.up(ctx, pool)
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
