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

// build describes a build that is bad on purpose.
type build struct {
	wrap func(m *machine, o auth.Options) auth.Options
	// outside is set for a build that reorders calls: it wraps the failpoints.
	// A build that replaces calls is wrapped by them, so that they are hit too.
	outside bool
	// sql is set if it uses Postgres itself.
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

// choose turns this process into the named bad build. The empty name leaves it
// good.
func (m *machine) choose(name, databaseURL string) error {
	if name == "" {
		return nil
	}
	all := builds()
	b, known := all[name]
	if !known {
		return fmt.Errorf("unknown BAD_BUILD %q: choose one of %s", name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
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

// databaseClock is the same expression as the store's: microseconds since the
// epoch.
const databaseClock = `(extract(epoch FROM clock_timestamp()) * 1000000)::bigint`

// exec runs one statement of a bad build and returns how many rows it changed.
func (m *machine) exec(ctx context.Context, statement string, args ...any) (int64, error) {
	ctx, cancel := context.WithTimeout(ctx, sqlTimeout)
	defer cancel()
	done, err := m.db.ExecContext(ctx, statement, args...)
	if err != nil {
		return 0, unavailable(err)
	}
	return done.RowsAffected()
}

func unavailable(err error) error {
	return auth.Unavailable(fmt.Errorf("statement of a bad build: %w", err))
}

// readRow reads one row. It returns sql.ErrNoRows unchanged.
func readRow(row *sql.Row, into ...any) error {
	err := row.Scan(into...)
	if err == nil || errors.Is(err, sql.ErrNoRows) {
		return err
	}
	return unavailable(err)
}
