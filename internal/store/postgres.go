package store

import (
	"cmp"
	"database/sql"
	"errors"
	"fmt"
	neturl "net/url"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"gorm.io/driver/postgres"
)

func openPostgres(o Options) (*Store, error) {
	settings := map[string]string{}
	if o.ReadOnly {
		settings["default_transaction_read_only"] = "on"
	}
	c, err := newConnector(o, settings)
	if err != nil {
		return nil, err
	}
	pool := sql.OpenDB(c)
	conns := cmp.Or(o.MaxOpenConns, DefaultMaxOpenConns)
	pool.SetMaxOpenConns(conns)
	pool.SetMaxIdleConns(conns)
	pool.SetConnMaxLifetime(ConnMaxLifetime)
	db, err := attach(postgres.New(postgres.Config{Conn: pool}), o)
	if err != nil {
		return nil, errors.Join(err, pool.Close())
	}
	s := &Store{dialect: postgresDialect(), options: o, pools: []*sql.DB{pool}, connector: c}
	// pgx keeps prepared statements for each connection. It prepares a statement
	// again after an error; GORM would use a stale one forever.
	s.begin = s.handle(db)
	s.write, s.read = s.begin, s.begin
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

// postgresConfig parses a URL and adds what it does not set. It
// drops the parser's own words, because they quote parts of the URL, such as a
// password with an unescaped character. pgx would take a URL with another scheme
// for a list of key=value pairs.
func postgresConfig(url string) (*pgx.ConnConfig, error) {
	if !strings.HasPrefix(url, "postgres://") && !strings.HasPrefix(url, "postgresql://") {
		return nil, errors.New("the database URL must begin with postgres:// or postgresql://")
	}
	config, err := pgx.ParseConfig(socketURL(url))
	if err != nil {
		return nil, errors.New("the database URL cannot be read: a parameter is not valid, or special characters of a password are not percent-encoded")
	}
	if mode := config.DefaultQueryExecMode; mode == pgx.QueryExecModeExec || mode == pgx.QueryExecModeSimpleProtocol {
		return nil, errors.New("the database URL must not set default_query_exec_mode to exec or simple_protocol, which cannot send lists; remove it: rekey finds connection poolers by itself")
	}
	config.ConnectTimeout = cmp.Or(config.ConnectTimeout, ConnectTimeout)
	if config.RuntimeParams["application_name"] == "" {
		config.RuntimeParams["application_name"] = "rekey"
	}
	return config, nil
}

// socketURL moves the directory of a Unix socket from the place of the host, as in
// postgres://user@%2Fvar%2Frun/database, to the parameter that pgx reads it from.
func socketURL(address string) string {
	scheme, rest, _ := strings.Cut(address, "://")
	end := strings.IndexAny(rest+"/", "/?")
	authority, tail := rest[:end], rest[end:]
	at := strings.LastIndex(authority, "@") + 1
	directory, port, hasPort := strings.Cut(authority[at:], ":")
	directory, err := neturl.PathUnescape(directory)
	if err != nil || !strings.HasPrefix(directory, "/") || strings.Contains(directory, ",") {
		return address
	}
	path, query, _ := strings.Cut(tail, "?")
	query += "&host=" + neturl.QueryEscape(directory)
	if hasPort {
		query += "&port=" + neturl.QueryEscape(port)
	}
	return scheme + "://" + authority[:at] + path + "?" + strings.TrimPrefix(query, "&")
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }
