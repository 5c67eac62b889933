package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"

	"rekey/internal/auth"
)

// Facts are what an operator wants to know of a database.
type Facts struct {
	Version string // the engine's
	// Schema is the last migration that was applied, 0 for none, and Newest
	// the last one that this program has.
	Schema, Newest int64
	// Settings are the engine's own, by their names there; of SQLite those of
	// the connection that writes.
	Settings map[string]string
	Standby  bool // it takes no writes
	// Connections are open to the server by anybody; 0 on SQLite.
	Connections int
	// Replicas are those of rekey that serve now, as far as they say so; a
	// command is none.
	Replicas int
}

// Facts reads them. It is for a store that was opened with Options.ReadOnly.
// CodeUnavailable.
func (s *Store) Facts(ctx context.Context) (f Facts, err error) {
	ctx, cancel := s.begin.bounded(ctx)
	defer cancel()
	look := map[string]func(context.Context, *sql.DB, *Facts) error{SQLite: sqliteFacts, Postgres: postgresFacts}[s.dialect.name]
	if err := look(ctx, s.pools[0], &f); err != nil {
		return f, fail("look at the database", err)
	}
	if f.Newest, err = s.newestMigration(); err != nil {
		return f, err
	}
	if f.Schema, err = s.appliedMigration(ctx); err != nil || f.Schema == 0 {
		return f, fail("look at the migrations", err)
	}
	if err := s.pools[0].QueryRowContext(ctx, fmt.Sprintf( //nolint:gosec // both parts are ours
		`SELECT count(*) FROM replica_notes WHERE written_at > %s - %d AND replica NOT LIKE '%s%%'`,
		s.dialect.clock, replicaSilence.Microseconds(), auth.CommandReplica)).Scan(&f.Replicas); err != nil {
		return f, fail("look at the replicas", err)
	}
	return f, nil
}

// replicaSilence is after how long without a note a replica is thought gone.
const replicaSilence = 5 * time.Second

func sqliteFacts(ctx context.Context, pool *sql.DB, f *Facts) error {
	f.Settings = map[string]string{}
	for _, name := range []string{"journal_mode", "synchronous", "foreign_keys"} {
		var value string
		if err := pool.QueryRowContext(ctx, "PRAGMA "+name).Scan(&value); err != nil {
			return err
		}
		f.Settings[name] = value
	}
	return pool.QueryRowContext(ctx, "SELECT sqlite_version()").Scan(&f.Version)
}

// postgresSettings are looked up where there are such; databases that speak
// the protocol have some of them only.
const postgresSettings = `SELECT name, setting FROM pg_settings WHERE name IN (
	'server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'default_transaction_isolation',
	'max_connections', 'superuser_reserved_connections', 'reserved_connections')`

func postgresFacts(ctx context.Context, pool *sql.DB, f *Facts) (err error) {
	if f.Settings, err = pairs(ctx, pool, postgresSettings); err != nil {
		return err
	}
	f.Version = f.Settings["server_version"]
	if err := pool.QueryRowContext(ctx, "SELECT pg_is_in_recovery()").Scan(&f.Standby); err != nil {
		return err
	}
	return pool.QueryRowContext(ctx, "SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL").Scan(&f.Connections)
}

func pairs(ctx context.Context, pool *sql.DB, statement string) (_ map[string]string, err error) {
	rows, err := pool.QueryContext(ctx, statement)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	all := map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return nil, err
		}
		all[name] = value
	}
	return all, rows.Err()
}

func (s *Store) newestMigration() (newest int64, err error) {
	names, err := fs.Glob(s.dialect.migrations, "*.sql")
	if err != nil {
		return 0, fmt.Errorf("list the migrations: %w", err)
	}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return 0, fmt.Errorf("list the migrations: %w", err)
		}
		newest = max(newest, version)
	}
	return newest, nil
}

// appliedMigration is 0 for a database that has none.
func (s *Store) appliedMigration(ctx context.Context) (applied int64, err error) {
	err = s.pools[0].QueryRowContext(ctx, "SELECT COALESCE(max(version_id), 0) FROM "+goose.DefaultTablename+" WHERE is_applied").Scan(&applied)
	if err != nil && isFault(err) { // there is no such table
		return 0, nil
	}
	return applied, err
}
