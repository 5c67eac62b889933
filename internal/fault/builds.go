//go:build faults

package fault

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"rekey/internal/auth"
)

// build is a build that is known to be bad.
type build struct {
	wrap func(m *machine, o auth.Options) auth.Options
	// outside of the failpoints: a build that reorders calls. One that
	// replaces calls stands behind them, so that they are hit all the same.
	outside bool
	// sql: it talks to Postgres itself.
	sql bool
}

func builds() map[string]build {
	return map[string]build{
		"select-then-update":    {wrap: wrapSelectThenUpdate, sql: true},
		"blacklist-by-token":    {wrap: wrapBlacklistByToken, sql: true},
		"note-after-commit":     {wrap: wrapNoteAfterCommit, outside: true},
		"no-marker":             {wrap: wrapNoMarker},
		"window-extends":        {wrap: wrapWindowExtends, sql: true},
		"tokens-in-clear":       {wrap: wrapTokensInClear, sql: true},
		"fork-on-retry":         {wrap: wrapForkOnRetry, sql: true},
		"401-on-database-error": {wrap: wrap401OnDatabaseError},
	}
}

// choose makes this process the named bad build; the empty name is a good one.
func (m *machine) choose(name, databaseURL string) error {
	if name == "" {
		return nil
	}
	all := builds()
	b, known := all[name]
	if !known {
		return fmt.Errorf("unknown BAD_BUILD %q: there are %s", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	}
	m.build = b
	if !b.sql {
		return nil
	}
	config, err := pgx.ParseConfig(databaseURL)
	if databaseURL == "" || err != nil { // err would quote the password
		return fmt.Errorf("BAD_BUILD %s needs a Postgres in DATABASE_URL", name)
	}
	m.db = stdlib.OpenDB(*config)
	return nil
}

// sqlTimeout bounds a statement of a bad build.
const sqlTimeout = 20 * time.Second

// databaseClock is the store's own: microseconds since the epoch.
const databaseClock = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

// exec runs one statement of a bad build and returns how many rows it changed.
func (m *machine) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
	defer cancel()
	done, err := m.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, trouble(err)
	}
	return done.RowsAffected()
}

func trouble(err error) error {
	return auth.Unavailable(fmt.Errorf("statement of a bad build: %w", err))
}

// readRow reads one row; sql.ErrNoRows stays what it is.
func readRow(row *sql.Row, into ...any) error {
	err := row.Scan(into...)
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return trouble(err)
}
