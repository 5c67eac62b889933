package store

import (
	"cmp"
	"log/slog"
	"strings"
	"time"
)

// Defaults of the Postgres connections. A URL that sets statement_timeout,
// lock_timeout or connect_timeout itself keeps its own.
const (
	DefaultMaxOpenConns = 20
	ConnMaxLifetime     = 30 * time.Minute
	ConnectTimeout      = 5 * time.Second
	StatementTimeout    = 5 * time.Second
	LockTimeout         = 3 * time.Second
)

// OperationTimeout bounds each statement and each transaction from this side:
// the wait for a connection, a network that swallows everything, and tries
// again. It is longer than StatementTimeout, so that a server that answers can
// say what was the matter.
const OperationTimeout = 8 * time.Second

// SlowStatement is how long a statement may take before it is logged as slow.
const SlowStatement = 200 * time.Millisecond

// Options say where the database is and how to use it.
type Options struct {
	// URL is a postgres:// or postgresql:// address; empty for SQLite.
	URL string
	// Path is SQLite's file. It and its directory are made when missing,
	// readable by their owner only.
	Path string
	// Exclusive claims SQLite's file for this process: Open is ErrInUse while
	// another process has it. The kernel lifts the claim when the process
	// ends, however it ends.
	Exclusive bool
	// ReadOnly opens a database that is there, beside whoever uses it, and
	// changes nothing of it.
	ReadOnly bool
	// Logger receives slow statements (warn) and failed ones (debug), never
	// their parameters. Nil discards.
	Logger *slog.Logger
	// DatabaseClock is a SQL expression for the database's clock: microseconds
	// since the epoch, an integer. Empty for the engine's own. It may not
	// contain '@' or '?'.
	DatabaseClock string
	// MaxOpenConns bounds the Postgres connections; 0 is DefaultMaxOpenConns.
	MaxOpenConns int
	// Timeout replaces OperationTimeout unless it is 0.
	Timeout time.Duration
	// Wait is how long Open waits for a Postgres that does not answer yet; 0
	// tries once.
	Wait time.Duration
}

func (o Options) timeout() time.Duration { return cmp.Or(o.Timeout, OperationTimeout) }

func (o Options) postgres() bool { return o.URL != "" }

func (o Options) logger() *slog.Logger {
	if o.Logger == nil {
		return slog.New(slog.DiscardHandler)
	}
	return o.Logger
}

// isPostgresURL reports whether a URL has one of Postgres' schemes. pgx would
// take anything else for a list of key=value pairs.
func isPostgresURL(url string) bool {
	return strings.HasPrefix(url, "postgres://") || strings.HasPrefix(url, "postgresql://")
}
