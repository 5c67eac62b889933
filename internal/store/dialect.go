package store

import (
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// The engines' names, as Store.Dialect returns them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// dialect is what differs between the engines.
type dialect struct {
	name  string
	clock string // microseconds since the epoch
	least string // the function that returns the smallest argument
	// forShare and skipLocked end a SELECT. SQLite has one writer at a time
	// and needs neither.
	forShare   string
	skipLocked string
	// alone is a further condition of a WHERE: that nobody else has the lock,
	// which the statement then holds.
	alone func(lock int64) string
	swaps func(s *Store, pool *sql.DB) *swaps
	// tx is how a transaction begins.
	tx *sql.TxOptions

	goose      goose.Dialect
	migrations fs.FS
}

func postgresDialect() dialect {
	return dialect{
		name:       Postgres,
		swaps:      newPostgresSwaps,
		clock:      `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`,
		least:      "LEAST",
		forShare:   "FOR SHARE",
		skipLocked: "FOR UPDATE SKIP LOCKED",
		alone:      func(lock int64) string { return fmt.Sprintf("AND (SELECT pg_try_advisory_xact_lock(%d))", lock) },
		// Whatever the server's default: after waiting for the user's row, a
		// transaction's next statement must see what the other one committed,
		// which a snapshot of the whole transaction would hide.
		tx:         &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		goose:      goose.DialectPostgres,
		migrations: migrationsOf(Postgres),
	}
}

func sqliteDialect() dialect {
	return dialect{
		name:  SQLite,
		swaps: newSQLiteSwaps,
		// 'subsec' has milliseconds; SQLite knows no more.
		clock:      `(CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000)`,
		least:      "MIN",
		alone:      func(int64) string { return "" }, // there is one writer
		goose:      goose.DialectSQLite3,
		migrations: migrationsOf(SQLite),
	}
}
