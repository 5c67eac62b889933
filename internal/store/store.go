// Package store keeps users, sessions and blacklisted tokens in SQLite or in
// Postgres. It owns the SQL, the migrations and the conversion between rows and
// the core's values, and is the only user of GORM.
//
// [Store] implements all storage that the core needs: [auth.Store],
// [auth.Replicas], [auth.ChangeStore], [auth.APIKeyStore] and [auth.SealedKeys].
// It contains no rules: the core decides which token is valid, what a reuse means
// and when a session expires. Package storetest is the contract, a test suite
// that runs on every engine.
package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

var _ auth.Store = (*Store)(nil)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	dialect dialect
	options Options

	// write and read run single statements. On Postgres they are one pool; on
	// SQLite write has the only connection that may change anything.
	write, read handle
	// begin starts transactions, which do not use GORM's prepared statements. A
	// statement that is first prepared inside a transaction is closed with it.
	// And a transaction that waits for another caller to prepare a statement,
	// while that caller waits for a connection, would wait forever. On Postgres
	// nothing uses them.
	begin     handle
	rotations *batcher
	log       statementLogger

	pools     []*sql.DB
	connector *connector  // nil on SQLite
	claim     *fileLock   // nil unless Options.Exclusive
	file      os.FileInfo // of SQLite's file when it was opened; nil on Postgres and with Options.ReadOnly
}

// Open opens the database and checks that it answers, for as long as
// Options.Wait. It does not migrate. It returns ErrInUse if Options.Exclusive is
// set and another process holds the database, and CodeUnavailable if the
// database does not answer.
func Open(ctx context.Context, o Options) (s *Store, err error) {
	if o.URL != "" {
		s, err = openPostgres(o)
	} else {
		s, err = openSQLite(ctx, o)
	}
	if err != nil {
		return nil, err
	}
	if o.DatabaseClock != "" {
		s.dialect.clock = o.DatabaseClock
	}
	s.log = newStatementLogger(o)
	s.rotations = s.dialect.batcher(s, s.pools[0]) // the pool that writes
	if err := s.options.await(ctx, s.Ping); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Dialect returns SQLite or Postgres.
func (s *Store) Dialect() string { return s.dialect.name }

// PoolStats are the statistics of a connection pool.
type PoolStats struct {
	Name string // "all"; on SQLite "read" and "write"
	sql.DBStats
}

// PoolStats returns the statistics of each pool, for metrics.
func (s *Store) PoolStats() []PoolStats {
	if len(s.pools) == 1 {
		return []PoolStats{{"all", s.pools[0].Stats()}}
	}
	return []PoolStats{{"write", s.pools[0].Stats()}, {"read", s.pools[1].Stats()}}
}

// Ping checks that the database answers. Its error is CodeUnavailable and wraps
// ErrFileGone if SQLite's file is no longer where it was opened.
func (s *Store) Ping(ctx context.Context) error {
	if s.file != nil { // SQLite itself does not detect that its file was moved
		there, err := os.Stat(s.options.Path)
		if errors.Is(err, fs.ErrNotExist) || err == nil && !os.SameFile(s.file, there) {
			return auth.Unavailable(fmt.Errorf("%w: %s", ErrFileGone, s.options.Path))
		} // the statements report other problems
	}
	ctx, cancel := context.WithTimeout(ctx, s.options.timeout())
	defer cancel()
	for _, pool := range s.pools {
		if err := pool.PingContext(ctx); err != nil {
			return auth.Unavailable(failure("reaching the database", err))
		}
	}
	return nil
}

// Close waits for statements in progress, closes the connections and releases
// an exclusive claim.
func (s *Store) Close() error {
	var errs []error
	for _, pool := range s.pools {
		errs = append(errs, pool.Close())
	}
	return errors.Join(append(errs, s.claim.release())...)
}

// attach opens GORM on a pool.
func attach(d gorm.Dialector, o Options) (*gorm.DB, error) {
	db, err := gorm.Open(d, &gorm.Config{
		SkipDefaultTransaction: true,
		TranslateError:         true,
		DisableAutomaticPing:   true,
		// Forever: GORM closes a statement that it considers old, used or not.
		PrepareStmtTTL: math.MaxInt64,
		Logger:         newStatementLogger(o),
	})
	if err != nil {
		return nil, fail("opening the database", err)
	}
	return db, nil
}

func (s *Store) handle(db *gorm.DB) handle { return handle{db: db, timeout: s.options.timeout()} }

// prepared returns a handle that prepares each statement once per connection.
func (s *Store) prepared(db *gorm.DB) handle {
	return s.handle(db.Session(&gorm.Session{PrepareStmt: true}))
}
