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
	s.begin, s.write = s.handle(db), s.prepared(db)
	s.read = s.write
	return s, nil
}

// CheckURL reports whether Open can use a URL; it does not connect. An empty URL
// means SQLite. The error does not quote the URL.
func CheckURL(url string) error {
	if url == "" {
		return nil
	}
	if _, err := postgresConfig(url); err != nil {
		return fmt.Errorf("DATABASE_URL: %w", err)
	}
	return nil
}

// postgresConfig parses a URL and adds the timeouts that it does not set. It
// drops the parser's own words, because they quote parts of the URL, such as a
// password with an unescaped character. pgx would take a URL with another scheme
// for a list of key=value pairs.
func postgresConfig(url string) (*pgx.ConnConfig, error) {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, errors.New("the database URL must begin with postgres:// or postgresql://")
	}
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, errors.New("the database URL cannot be read: a parameter is not valid, or special characters of a password are not percent-encoded")
	}
	config.ConnectTimeout = cmp.Or(config.ConnectTimeout, ConnectTimeout)
	for name, value := range map[string]string{
		"statement_timeout": milliseconds(StatementTimeout),
		"lock_timeout":      milliseconds(LockTimeout),
		"application_name":  "rekey",
	} {
		_, given := config.RuntimeParams[name]
		if !given && !strings.Contains(config.RuntimeParams["options"], name) {
			config.RuntimeParams[name] = value
		}
	}
	return config, nil
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
