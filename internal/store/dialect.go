package store

import (
	"database/sql"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
)

// The names of the engines, as Store.Dialect returns them.
const (
	SQLite   = "sqlite"
	Postgres = "postgres"
)

// dialect holds the differences between the engines.
type dialect struct {
	name  string
	clock string // microseconds since the epoch
	least string // the function that returns its smallest argument
	// lockUser and skipLocked end a SELECT. SQLite has one writer at a time
	// and needs neither. lockUser locks a row as an UPDATE of it does.
	lockUser   string
	skipLocked string
	// tryLock extends a WHERE by the condition that nobody else holds the lock,
	// which the statement then holds.
	tryLock func(lock int64) string
	batcher func(s *Store, pool *sql.DB) *batcher
	tx      *sql.TxOptions // how a transaction starts

	goose      goose.Dialect
	migrations fs.FS
}

func postgresDialect() dialect {
	return dialect{
		name:       Postgres,
		clock:      `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`,
		least:      "LEAST",
		lockUser:   "FOR NO KEY UPDATE",
		skipLocked: "FOR UPDATE SKIP LOCKED",
		tryLock:    func(lock int64) string { return fmt.Sprintf("AND (SELECT pg_try_advisory_xact_lock(%d))", lock) },
		batcher:    newPostgresBatcher,
		// Independent of the server's default: after waiting for the user's
		// row, the next statement of a transaction must see what the other
		// transaction committed. One snapshot for the whole transaction would
		// hide that.
		tx:         &sql.TxOptions{Isolation: sql.LevelReadCommitted},
		goose:      goose.DialectPostgres,
		migrations: migrationsOf(Postgres),
	}
}

func sqliteDialect() dialect {
	return dialect{
		name: SQLite,
		// 'subsec' has milliseconds, the finest time that SQLite has.
		clock:      `(CAST(round(unixepoch('subsec') * 1000) AS INTEGER) * 1000)`,
		least:      "MIN",
		tryLock:    func(int64) string { return "" }, // there is one writer
		batcher:    newSQLiteBatcher,
		goose:      goose.DialectSQLite3,
		migrations: migrationsOf(SQLite),
	}
}
