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
		"select-then-update": {sql: true, wrap: func(m *machine, o auth.Options) auth.Options {
			o.Store, o.Tokens = selectThenUpdate{o.Store, m}, forkTokens{o.Tokens}
			return o
		}},
		"blacklist-by-token": {sql: true, wrap: func(m *machine, o auth.Options) auth.Options {
			seen := &spellings{last: map[string]string{}}
			o.Store, o.Tokens = blacklistByToken{o.Store, seen}, spelledTokens{o.Tokens, m, seen}
			return o
		}},
		"note-after-commit": {outside: true, wrap: func(_ *machine, o auth.Options) auth.Options {
			o.Store = noteAfterCommit{o.Store, o.Blacklist, o.Settings}
			o.Blacklist = noteNoTokens{o.Blacklist}
			return o
		}},
		"no-marker": {wrap: func(_ *machine, o auth.Options) auth.Options {
			o.Blacklist = noMarker{o.Blacklist.(entries)} // panics with another cache, because the build would not be bad
			return o
		}},
		"window-extends": {sql: true, wrap: func(m *machine, o auth.Options) auth.Options {
			o.Store = windowExtends{o.Store, m, max(o.ReuseWindow, o.RefreshGrace, o.RefreshGraceREST), o.RetryTTL}
			return o
		}},
		"tokens-in-clear": {sql: true, wrap: func(m *machine, o auth.Options) auth.Options {
			o.Tokens = tokensInClear{o.Tokens, m}
			return o
		}},
		"fork-on-retry": {sql: true, wrap: func(m *machine, o auth.Options) auth.Options {
			o.Store, o.Tokens = forkOnRetry{o.Store, m}, forkTokens{o.Tokens}
			return o
		}},
		"redeem-blindly": {wrap: func(_ *machine, o auth.Options) auth.Options {
			o.Store = redeemBlindly{o.Store}
			return o
		}},
		"reset-keeps-epoch": {wrap: func(_ *machine, o auth.Options) auth.Options {
			o.Store = resetKeepsEpoch{o.Store}
			return o
		}},
		"401-on-database-error": {wrap: func(_ *machine, o auth.Options) auth.Options {
			o.Store, o.Blacklist = reportAs401{o.Store}, noteReportedAs401{o.Blacklist}
			return o
		}},
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
