package store

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"rekey/internal/auth"
)

// connector opens connections to Postgres, and retires those that can no longer
// be used.
//
// Behind a pooler such as PgBouncer, two statements of one connection may run on
// different server connections. Neither a prepared statement nor a setting of
// the session then belongs to the connection. The connector therefore uses
// neither there.
type connector struct {
	options  Options
	settings map[string]string // of each session, if there is no pooler
	log      *slog.Logger

	config atomic.Pointer[pgx.ConnConfig]
	pooled atomic.Bool
	// epoch increases when all connections that were opened before are suspect.
	epoch      atomic.Int64
	readOnlyAt atomic.Pointer[time.Time] // when no server accepted writes
}

var _ driver.Connector = (*connector)(nil)

// readOnlyPause limits how often servers that refuse writes are asked again.
const readOnlyPause = 250 * time.Millisecond

// errReadOnlyServer is the reason to try the next server of the URL. Nothing was
// sent.
var errReadOnlyServer = fmt.Errorf("the server accepts no writes: %w", auth.ErrNothingDone)

// newConnector returns a connector for Options.URL. The settings take precedence
// over the defaults, but not over the URL.
func newConnector(o Options, settings map[string]string) (*connector, error) {
	c := &connector{options: o, log: o.logger(), settings: map[string]string{
		"statement_timeout": milliseconds(StatementTimeout),
		"lock_timeout":      milliseconds(LockTimeout),
	}}
	maps.Copy(c.settings, settings)
	config, err := postgresConfig(o.URL)
	if err != nil {
		return nil, err
	}
	for name := range c.settings {
		if _, given := config.RuntimeParams[name]; given || strings.Contains(config.RuntimeParams["options"], name) {
			delete(c.settings, name)
		}
	}
	c.config.Store(config)
	return c, nil
}

// Driver implements [driver.Connector].
func (c *connector) Driver() driver.Driver { return stdlib.GetDefaultDriver() }

// Connect opens a connection to the first server of the URL that accepts writes.
// It uses no other: a server that refuses writes may be a former primary, or a
// standby, whose data are old. A session that was revoked would be accepted, and
// a new one refused. If the server refuses the password, Connect reads the URL
// again, because the password may have been changed.
func (c *connector) Connect(ctx context.Context) (driver.Conn, error) {
	if at := c.readOnlyAt.Load(); at != nil && time.Since(*at) < readOnlyPause { //nolint:forbidigo // it limits reconnects only
		return nil, errReadOnlyServer
	}
	conn, err := c.connect(ctx)
	var pg *pgconn.PgError
	refused := errors.As(err, &pg) && (pg.Code == "28P01" || pg.Code == "28000") // the password
	if refused && c.readURL() {
		conn, err = c.connect(ctx)
	}
	if errors.Is(err, errReadOnlyServer) {
		now := time.Now() //nolint:forbidigo // it limits reconnects only
		c.readOnlyAt.Store(&now)
		return nil, errReadOnlyServer
	}
	if err != nil {
		return nil, explain(err)
	}
	return conn, nil
}

func (c *connector) connect(ctx context.Context) (driver.Conn, error) {
	config, pooled := c.config.Load().Copy(), c.pooled.Load()
	if pooled && config.DefaultQueryExecMode == pgx.QueryExecModeCacheStatement {
		config.DefaultQueryExecMode = pgx.QueryExecModeCacheDescribe // statements without a name
	}
	config.ValidateConnect = c.prepare
	config.OnPgError = c.keeps
	conn, err := stdlib.GetConnector(*config, stdlib.OptionResetSession(c.reset)).Connect(ctx)
	if err == nil && !pooled && c.pooled.Load() {
		_ = conn.Close()
		return c.connect(ctx) // the first connection found the pooler
	}
	return conn, err
}

// prepare checks a new connection and applies the settings of the session, in
// one round trip. A pooler reports another process than the one that executes
// the statement.
func (c *connector) prepare(ctx context.Context, conn *pgconn.PgConn) error {
	if encoding := conn.ParameterStatus("server_encoding"); encoding != "" && !strings.EqualFold(strings.ReplaceAll(encoding, "-", ""), "UTF8") {
		return &unusableError{fmt.Sprintf("the database's encoding is %s; it must be UTF8: create one with ENCODING 'UTF8' TEMPLATE template0", encoding)}
	}
	direct := fmt.Sprintf("pg_backend_pid() = %d", conn.PID())
	text := "SELECT " + direct + ", current_setting('transaction_read_only')"
	for _, name := range slices.Sorted(maps.Keys(c.settings)) {
		text += fmt.Sprintf(", CASE WHEN %s THEN set_config('%s', '%s', false) END", direct, name, c.settings[name])
	}
	epoch := c.epoch.Load() // before the check
	results, err := conn.Exec(ctx, text).ReadAll()
	if err != nil {
		return err
	}
	row := results[0].Rows[0]
	if string(row[0]) != "t" && !c.pooled.Load() {
		// A pooler that gives each statement another connection refuses this.
		for _, statement := range []string{"BEGIN", "ROLLBACK"} {
			if _, err := conn.Exec(ctx, statement).ReadAll(); err != nil {
				return err
			}
		}
		c.foundPooler("the database is behind a connection pooler")
	}
	if !c.options.ReadOnly && string(row[1]) == "on" {
		return errReadOnlyServer
	}
	conn.CustomData()[bornKey] = epoch
	return nil
}

// foundPooler stops the use of prepared statements that have names.
func (c *connector) foundPooler(found string) {
	if !c.pooled.Swap(true) {
		c.epoch.Add(1)
		c.log.Info(found + "; statements are not kept prepared, and timeouts of the session are those of the role")
	}
}

// bornKey is the key, in a connection's data, of the epoch in which it was opened.
const bornKey = "rekey.born"

// reset makes the pool replace a connection that a previous error has made
// suspect, before it is used.
func (c *connector) reset(_ context.Context, conn *pgx.Conn) error {
	if born, ok := conn.PgConn().CustomData()[bornKey].(int64); ok && born < c.epoch.Load() {
		return driver.ErrBadConn
	}
	return nil
}

// keeps reports whether a connection is still usable after an error. If not, the
// driver closes it, and all connections that are as old are replaced before
// their next use.
func (c *connector) keeps(conn *pgconn.PgConn, err *pgconn.PgError) bool {
	fatal := err.SeverityUnlocalized == "FATAL" || err.SeverityUnlocalized == "PANIC" || err.Severity == "FATAL"
	born, ok := conn.CustomData()[bornKey].(int64)
	if !ok {
		return !fatal // it is being opened
	}
	switch {
	case isLostStatement(err.Code):
		c.foundPooler("a prepared statement belongs to another connection, as behind a pooler")
	case isStalePlan(err.Code):
	case !isLostServer(err.Code):
		return !fatal
	}
	if c.epoch.CompareAndSwap(born, born+1) {
		c.log.Warn("replacing the connections to the database", "error", redact(err))
	}
	return false
}

// readURL reads the URL again and reports whether it has changed, or something
// that it refers to, such as a password file.
func (c *connector) readURL() bool {
	url := c.options.URL
	if c.options.ReadURL != nil {
		again, err := c.options.ReadURL()
		if err != nil {
			c.log.Warn("the database refuses the password, and DATABASE_URL_FILE cannot be read", "error", err)
			return false
		}
		url = again
	}
	config, err := postgresConfig(url)
	if err != nil {
		c.log.Warn("the database refuses the password, and the new DATABASE_URL cannot be used", "error", err)
		return false
	}
	before := c.config.Swap(config)
	if before.Password == config.Password && before.User == config.User {
		return false
	}
	c.log.Info("the database's password has changed; using the new one")
	return true
}
