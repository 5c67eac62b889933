package store

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"gorm.io/driver/postgres"
)

func openPostgres(o Options) (*Store, error) {
	config, err := postgresConfig(o.URL)
	if err != nil {
		return nil, err
	}
	if o.ReadOnly {
		config.RuntimeParams["default_transaction_read_only"] = "on"
	}
	pool := stdlib.OpenDB(*config)
	conns := cmp.Or(o.MaxOpenConns, DefaultMaxOpenConns)
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxLifetime(ConnMaxLifetime)
	db, err := attach(postgres.New(postgres.Config{Conn: pool}), o)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	s := &Store{dialect: postgresDialect(), options: o, pools: []*sql.DB{pool}}
	s.begin, s.write = s.handle(db), s.handle(prepared(db))
	s.read = s.write
	return s, nil
}

// CheckURL tells whether Open could make use of a URL; it does not connect. The
// empty one is SQLite. The error does not repeat the URL.
func CheckURL(url string) error {
	if url == "" {
		return nil
	}
	if _, err := postgresConfig(url); err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	return nil
}

// postgresConfig reads a URL and adds the timeouts that it does not set. The
// parser's own words are dropped: they quote pieces of the URL, and a password
// with an unescaped character is such a piece.
func postgresConfig(url string) (*pgx.ConnConfig, error) {
	if !isPostgresURL(url) {
		return nil, errors.New("the database URL must begin with postgres:// or postgresql://")
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read: a parameter is not valid, or special characters of a password are not percent-encoded")
	}
	if config.ConnectTimeout == 0 {
		config.ConnectTimeout = ConnectTimeout
	}
	setUnlessGiven(config, "statement_timeout", milliseconds(StatementTimeout))
	setUnlessGiven(config, "lock_timeout", milliseconds(LockTimeout))
	setUnlessGiven(config, "application_name", "rekey")
	return config, nil
}

func setUnlessGiven(config *pgx.ConnConfig, name, value string) {
	_, given := config.RuntimeParams[name]
	if given || strings.Contains(config.RuntimeParams["options"], name) {
		return
	}
	config.RuntimeParams[name] = value
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// migrationPool opens a pool of its own for migrations: building an index may
// take longer than a request's statement may.
func migrationPool(url string) (*sql.DB, error) {
	config, err := postgresConfig(url)
	if err != nil {
		return nil, err
	}
	config.RuntimeParams["statement_timeout"] = "0"
	return stdlib.OpenDB(*config), nil
}
