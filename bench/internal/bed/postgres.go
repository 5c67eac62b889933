package bed

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"

	"github.com/jackc/pgx/v5"

	"rekey/internal/test/throwaway"
)

const database = "rekey"

// Postgres is a server with one database for rekey, and a connection to it.
type Postgres struct {
	server *throwaway.PostgresServer
	Conn   *pgx.Conn
}

// OpenPostgres starts a server with fsync and synchronous_commit on, as by
// default. The additional module counts statements.
func OpenPostgres(ctx context.Context) (*Postgres, error) {
	server, err := throwaway.OpenPostgres("", "-c", "shared_preload_libraries=pg_stat_statements")
	if err != nil {
		return nil, err
	}
	p := &Postgres{server: server}
	err = server.Exec("CREATE DATABASE " + database)
	if err == nil {
		p.Conn, err = pgx.Connect(ctx, p.URL())
	}
	if err == nil {
		_, err = p.Conn.Exec(ctx, "CREATE EXTENSION pg_stat_statements")
	}
	if err != nil {
		return nil, errors.Join(err, p.Close(ctx))
	}
	return p, nil
}

// URL returns the URL of the database.
func (p *Postgres) URL() string {
	u, err := url.Parse(p.server.URL())
	if err != nil {
		return ""
	}
	u.Path = "/" + database
	return u.String()
}

// PID returns the id of the server's first process.
func (p *Postgres) PID() int { return p.server.PID() }

// Version returns the version of the server.
func (p *Postgres) Version(ctx context.Context) (version string, err error) {
	err = p.Conn.QueryRow(ctx, `SELECT split_part(current_setting('server_version'), ' ', 1)`).Scan(&version)
	return version, err
}

// Exec runs one statement.
func (p *Postgres) Exec(ctx context.Context, statement string, args ...any) error {
	if _, err := p.Conn.Exec(ctx, statement, args...); err != nil {
		return fmt.Errorf("%s: %w", strings.Fields(statement)[0], err)
	}
	return nil
}

// Close stops the server.
func (p *Postgres) Close(ctx context.Context) error {
	var err error
	if p.Conn != nil {
		err = p.Conn.Close(ctx)
	}
	return errors.Join(err, p.server.Close())
}

// Directory creates a directory for the bench's own files.
func Directory() (path string, remove func(), err error) {
	path, err = os.MkdirTemp("", "rekey-bench-")
	if err != nil {
		return "", nil, fmt.Errorf("making a directory: %w", err)
	}
	return filepath.Clean(path), func() { _ = os.RemoveAll(path) }, nil
}
