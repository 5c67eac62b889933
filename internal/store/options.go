package store

import (
	"cmp"
	"log/slog"
	"time"
)

// Defaults of the Postgres connections. A URL that sets statement_timeout,
// lock_timeout or connect_timeout keeps its own.
const (
	DefaultMaxOpenConns = 20
	ConnMaxLifetime     = 30 * time.Minute
	ConnectTimeout      = 5 * time.Second
	StatementTimeout    = 5 * time.Second
	LockTimeout         = 3 * time.Second
)

// OperationTimeout bounds each statement and each transaction on the client's
// side: waiting for a connection, a network that drops everything, and retries.
// It is longer than StatementTimeout, so that a server that answers can report
// what was wrong.
const OperationTimeout = 8 * time.Second

// SlowStatement is the duration from which a statement is logged as slow.
const SlowStatement = 200 * time.Millisecond

// Options select the database and how it is used.
type Options struct {
	// URL is a postgres:// or postgresql:// address; empty for SQLite.
	URL string
	// ReadURL returns URL as it is now, if it was read from a file. It is called
	// when the server refuses the password. Nil means URL.
	ReadURL func() (string, error)
	// Path is SQLite's file. If it does not exist, Open creates it and its
	// directory, readable by their owner only.
	Path string
	// Exclusive claims SQLite's file for this process: Open returns ErrInUse
	// while another process holds it. The kernel releases the claim when the
	// process ends, however it ends.
	Exclusive bool
	// ReadOnly opens an existing database, also while others use it, and
	// changes nothing in it.
	ReadOnly bool
	// Logger receives slow statements (warn) and failed ones (debug), never
	// their parameters. Nil discards.
	Logger *slog.Logger
	// DatabaseClock is a SQL expression for the database's clock, an integer of
	// microseconds since the epoch. Empty means the engine's own. It must not
	// contain '@' or '?'.
	DatabaseClock string
	// MaxOpenConns bounds the Postgres connections; 0 means DefaultMaxOpenConns.
	MaxOpenConns int
	// Timeout replaces OperationTimeout unless it is 0.
	Timeout time.Duration
	// Wait is how long Open waits for a Postgres that does not answer yet; 0
	// means one attempt.
	Wait time.Duration
}

func (o Options) timeout() time.Duration { return cmp.Or(o.Timeout, OperationTimeout) }

func (o Options) logger() *slog.Logger {
	return cmp.Or(o.Logger, slog.New(slog.DiscardHandler))
}
