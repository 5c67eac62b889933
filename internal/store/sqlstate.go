package store

import (
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// The classes of errors (SQLSTATE) that decide what happens to a connection and
// to a statement: https://www.postgresql.org/docs/current/errcodes-appendix.html.

// isStalePlan reports whether a prepared statement no longer fits its tables:
// "cached plan must not change result type".
func isStalePlan(code string) bool { return code == "0A000" }

// isLostStatement reports whether the server connection has no prepared
// statement of this name, or has one already. A pooler has exchanged it.
func isLostStatement(code string) bool { return code == "26000" || code == "42P05" }

// isLostServer reports whether the connection leads to a server that should not
// be used any longer: it takes no writes, it shuts down, its disk or memory is
// damaged, or the connection itself is broken.
func isLostServer(code string) bool {
	switch code {
	case "25006", "25P03", "55000": // read-only, idle in a transaction for too long, recovery in progress
		return true
	}
	return strings.HasPrefix(code, "57P") || strings.HasPrefix(code, "08") || strings.HasPrefix(code, "58")
}

// unusableError is a reason why the database can never be used with these
// settings. Its text is safe to show.
type unusableError struct{ reason string }

// Error names the setting.
func (e *unusableError) Error() string { return "DATABASE_URL: " + e.reason }

// explain adds what to do to an error of connecting that waiting cannot resolve.
// Poolers report an unknown parameter with the code of a temporary problem, so
// only the text distinguishes them.
func explain(err error) error {
	var unusable *unusableError
	if errors.As(err, &unusable) {
		return unusable
	}
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return conceal(err)
	}
	switch {
	case strings.Contains(pg.Message, "unsupported startup parameter"):
		return &unusableError{fmt.Sprintf("the connection pooler refuses a parameter: %s; remove it from the URL, and set it for the role (ALTER ROLE ... SET) or in the pooler's ignore_startup_parameters", pg.Message)}
	case pg.Code == "42704", pg.Code == "55P02", pg.Code == "22023", pg.Code == "42601":
		return &unusableError{"the server refuses a parameter: " + pg.Message}
	case strings.Contains(pg.Message, "statement pooling mode"):
		return &unusableError{"the connection pooler is in statement mode, which allows no transactions; use pool_mode = transaction or session"}
	}
	return err
}
