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

// Facts describe a database to an operator.
type Facts struct {
	Version string // of the engine
	// Schema is the last migration that was applied, 0 if none was. Newest is
	// the last one that this program has.
	Schema, Newest int64
	// Settings are the engine's own, by their names there. On SQLite they are
	// those of the connection that writes.
	Settings map[string]string
	Standby  bool // it accepts no writes
	// Connections counts the open connections of all clients; 0 on SQLite.
	Connections int
	// Replicas counts the replicas of rekey that serve now. Commands are not
	// replicas.
	Replicas int
}

// replicaSilence is the time after which a replica that reports no more is
// not counted.
const replicaSilence = 5 * time.Second

// Facts reads the facts of a store that was opened with Options.ReadOnly. Its
// error is CodeUnavailable.
func (s *Store) Facts(ctx context.Context) (f Facts, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.options.timeout())
	defer cancel()
	if s.dialect.name == Postgres {
		err = postgresFacts(ctx, s.pools[0], &f)
	} else {
		err = sqliteFacts(ctx, s.pools[0], &f)
	}
	if err != nil {
		return f, fail("inspecting the database", err)
	}
	names, err := fs.Glob(s.dialect.migrations, "*.sql")
	if err != nil {
		return f, fmt.Errorf("listing the migrations: %w", err)
	}
	for _, name := range names {
		version, err := goose.NumericComponent(name)
		if err != nil {
			return f, fmt.Errorf("listing the migrations: %w", err)
		}
		f.Newest = max(f.Newest, version)
	}
	f.Newest = max(f.Newest, mailKeysVersion)
	err = s.pools[0].QueryRowContext(ctx, "SELECT COALESCE(max(version_id), 0) FROM "+goose.DefaultTablename+" WHERE is_applied").Scan(&f.Schema)
	if err != nil && isFault(err) { // there is no such table
		return f, nil
	}
	if err != nil || f.Schema == 0 {
		return f, fail("reading the migrations", err)
	}
	if err := s.pools[0].QueryRowContext(ctx, fmt.Sprintf( //nolint:gosec // both parts are ours
		`SELECT count(*) FROM replicas WHERE seen_at > %s - %d AND nodes IS NOT NULL AND id NOT LIKE '%s%%'`,
		s.dialect.clock, replicaSilence.Microseconds(), auth.CommandReplica)).Scan(&f.Replicas); err != nil {
		return f, fail("counting the replicas", err)
	}
	return f, nil
}

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

// postgresSettings are read if they exist: databases that speak the protocol of
// Postgres have only some of them.
const postgresSettings = `SELECT name, setting FROM pg_settings WHERE name IN (
	'server_version', 'fsync', 'synchronous_commit', 'full_page_writes', 'default_transaction_isolation',
	'max_connections', 'superuser_reserved_connections', 'reserved_connections')`

func postgresFacts(ctx context.Context, pool *sql.DB, f *Facts) (err error) {
	rows, err := pool.QueryContext(ctx, postgresSettings)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	f.Settings = map[string]string{}
	for rows.Next() {
		var name, value string
		if err := rows.Scan(&name, &value); err != nil {
			return err
		}
		f.Settings[name] = value
	}
	if err := rows.Err(); err != nil {
		return err
	}
	f.Version = f.Settings["server_version"]
	return pool.QueryRowContext(ctx, `SELECT pg_is_in_recovery(),
		(SELECT count(*) FROM pg_stat_activity WHERE datid IS NOT NULL)`).Scan(&f.Standby, &f.Connections)
}
