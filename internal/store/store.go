package store

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"os"

	"gorm.io/gorm"

	"rekey/internal/auth"
)

var (
	_ auth.Store        = (*Store)(nil)
	_ auth.ReplicaNotes = (*Store)(nil)
)

// Store is an open database. It is safe for concurrent use.
type Store struct {
	dialect dialect
	options Options

	// write and read run single statements. On Postgres they are one pool; on
	// SQLite write has the only connection that may change anything.
	write, read handle
	// begin starts transactions. GORM's prepared statements are kept out of
	// them: one that is first prepared inside a transaction ends with it, and
	// a transaction waiting for a statement that another caller prepares,
	// which in turn waits for a connection, would wait for ever. pgx keeps
	// prepared statements a connection anyway.
	begin handle
	swaps *swaps
	log   statementLogger

	pools []*sql.DB
	claim *fileLock   // nil unless Options.Exclusive
	file  os.FileInfo // SQLite's, as it was opened; nil on Postgres and with Options.ReadOnly
}

// Open opens the database and checks that it answers, for as long as
// Options.Wait. It does not migrate. ErrInUse when Options.Exclusive cannot be
// had; CodeUnavailable when the database does not answer.
func Open(ctx context.Context, o Options) (*Store, error) {
	s, err := open(ctx, o)
	if err != nil {
		return nil, err
	}
	if o.DatabaseClock != "" {
		s.dialect.clock = o.DatabaseClock
	}
	s.log = logged(o)
	s.swaps = s.dialect.swaps(s, s.pools[0]) // the one that writes
	if err := s.options.await(ctx, s.Ping); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

func open(ctx context.Context, o Options) (*Store, error) {
	if o.postgres() {
		return openPostgres(o)
	}
	return openSQLite(ctx, o)
}

// Dialect returns SQLite or Postgres.
func (s *Store) Dialect() string { return s.dialect.name }

// PoolStats are those of a pool of connections.
type PoolStats struct {
	Name string // "all"; on SQLite "read" and "write"
	sql.DBStats
}

// PoolStats returns those of each pool, for metrics.
func (s *Store) PoolStats() []PoolStats {
	if len(s.pools) == 1 {
		return []PoolStats{{"all", s.pools[0].Stats()}}
	}
	return []PoolStats{{"write", s.pools[0].Stats()}, {"read", s.pools[1].Stats()}}
}

// Ping checks that the database answers; CodeUnavailable otherwise. That wraps
// ErrFileGone when SQLite's file is not where it was opened.
func (s *Store) Ping(ctx context.Context) error {
	if err := s.inPlace(); err != nil {
		return auth.Unavailable(err)
	}
	ctx, cancel := s.read.bounded(ctx)
	defer cancel()
	for _, pool := range s.pools {
		if err := pool.PingContext(ctx); err != nil {
			return auth.Unavailable(failure("reach the database", err))
		}
	}
	return nil
}

// Close closes the connections and gives up an exclusive claim. Statements
// under way are waited for.
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
		// SELECT * in a prepared statement breaks when a newer replica's
		// migration adds a column.
		QueryFields: true,
		// For ever: GORM closes a statement that it thinks old, used or not.
		PrepareStmtTTL: math.MaxInt64,
		Logger:         logged(o),
	})
	if err != nil {
		return nil, fail("open the database", err)
	}
	return db, nil
}

// prepared returns a handle whose statements are prepared once a connection.
func prepared(db *gorm.DB) *gorm.DB { return db.Session(&gorm.Session{PrepareStmt: true}) }

func (s *Store) handle(db *gorm.DB) handle { return handle{db: db, timeout: s.options.timeout()} }
