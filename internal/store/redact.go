package store

import (
	"errors"
	"fmt"
	"strings"

	gosqlite "github.com/glebarez/go-sqlite"
	"github.com/jackc/pgx/v5/pgconn"
)

// engineError is what is kept of an engine's error. Its other parts (detail,
// hint, where) quote rows and parameters.
type engineError struct {
	code    string
	message string
}

// Error is the engine's words and code, without values.
func (e *engineError) Error() string {
	if e.message == "" {
		return "database error " + e.code
	}
	return fmt.Sprintf("%s (%s)", e.message, e.code)
}

// redact returns err without the values of parameters.
func redact(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return redactPostgres(pg)
	}
	var lite *gosqlite.Error
	if errors.As(err, &lite) {
		// SQLite's messages name tables and columns, never values.
		return &engineError{code: fmt.Sprintf("SQLite %d", lite.Code()), message: lite.Error()}
	}
	if isConversion(err) {
		return errors.New("a parameter or a column has the wrong type")
	}
	return err
}

// redactPostgres keeps message and code; of a data exception (class 22) the
// code alone, as its message quotes the value.
func redactPostgres(err *pgconn.PgError) error {
	kept := &engineError{code: "SQLSTATE " + err.Code}
	if !strings.HasPrefix(err.Code, "22") {
		kept.message = err.Message
	}
	return kept
}
