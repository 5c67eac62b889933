package store

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"rekey/internal/auth"
)

// fail converts an error of the database to one of the core. It adds what was
// being done and removes all values of parameters.
//
// Every error is CodeUnavailable unless it is certainly a fault of the program.
// Clients would log people out after a temporary problem under another code.
func fail(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, auth.ErrNotFound), errors.Is(err, auth.ErrMovedOn), errors.Is(err, auth.ErrEmailTaken),
		errors.Is(err, auth.ErrTooManyTries):
		return err
	case errors.Is(err, gorm.ErrRecordNotFound):
		return auth.ErrNotFound
	case isFault(err):
		return failure(doing, err)
	}
	cause := failure(doing, err)
	if nothingDone(err) {
		cause = fmt.Errorf("%w: %w", cause, auth.ErrNothingDone)
	}
	return auth.Unavailable(cause)
}

func failure(doing string, err error) error {
	if isBusy(err) {
		doing += ": another process is writing to the database"
	}
	return fmt.Errorf("%s: %w", doing, redact(err))
}

// isBusy reports whether SQLite gave up because another process has been writing
// for longer than busyTimeout. Nothing was done.
func isBusy(err error) bool {
	var lite sqliteErr
	return errors.As(err, &lite) && lite.Code()&0xff == sqliteBusy
}

// nothingDone reports whether err proves that nothing was written and nothing
// will be: there was no connection, or the server itself refused, which rolls
// back. A server that shuts down (FATAL) may have committed before, and some
// errors say themselves that the outcome is unknown (40003, class 08).
func nothingDone(err error) bool {
	if errors.As(err, new(*pgconn.ConnectError)) || errors.Is(err, auth.ErrNothingDone) {
		return true
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR" &&
		pg.Code != "40003" && !strings.HasPrefix(pg.Code, "08")
}

// rolledBack reports whether err proves that nothing was done and that another
// try may succeed: a serialization failure, the victim of a deadlock, a
// connection that was replaced, or another caller that was cancelled while it
// prepared the statement for both.
func rolledBack(ctx context.Context, err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if pg.Code == "25006" || isStalePlan(pg.Code) || isLostStatement(pg.Code) {
			return true // the same statement may succeed on another connection
		}
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	return errors.Is(err, context.Canceled) && ctx.Err() == nil
}

// isFault reports whether err is a fault of the program: bad SQL, bad data, a
// violated constraint.
func isFault(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		if isLostStatement(pg.Code) {
			return false
		}
		return strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23") || strings.HasPrefix(pg.Code, "42")
	}
	var lite sqliteErr
	if errors.As(err, &lite) {
		switch lite.Code() & 0xff {
		case sqliteTooBig, sqliteConstraint, sqliteMismatch, sqliteMisuse, sqliteRange:
			return true
		case sqliteError:
			text := lite.Error()
			return strings.Contains(text, "no such") || strings.Contains(text, "syntax error") ||
				strings.Contains(text, "has no column")
		}
		return false
	}
	return errors.Is(err, errBadValue) || isConversion(err)
}

// sqliteErr is an error of the SQLite driver.
type sqliteErr interface {
	error
	Code() int
}

// Result codes of SQLite (https://sqlite.org/rescode.html).
const (
	sqliteError      = 1
	sqliteBusy       = 5
	sqliteTooBig     = 18
	sqliteConstraint = 19
	sqliteMismatch   = 20
	sqliteMisuse     = 21
	sqliteRange      = 25
	sqliteForeignKey = 787 // an extended code of sqliteConstraint
)

// errBadValue marks a value that no column can hold.
var errBadValue = errors.New("the value cannot be stored")

// isConversion reports whether a parameter could not be encoded or a column
// could not be read. Such errors quote the value.
func isConversion(err error) bool {
	text := err.Error()
	return strings.Contains(text, "encode args[") || strings.Contains(text, "Scan error on column")
}

// emailTaken reports whether err says that the e-mail key exists already.
// Postgres names the constraint, and SQLite's message names the column.
func emailTaken(err error) bool {
	if !errors.Is(err, gorm.ErrDuplicatedKey) {
		return false
	}
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.ConstraintName == "users_email_key_unique"
	}
	return strings.Contains(err.Error(), "users.email_key")
}

// violatesForeignKey reports whether a row refers to a row that does not exist.
func violatesForeignKey(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23503"
	}
	var lite sqliteErr
	return errors.As(err, &lite) && lite.Code() == sqliteForeignKey
}

// engineError is the part of an engine's error that contains no values. The
// detail, hint and context of Postgres quote rows and parameters.
type engineError struct {
	code    string
	message string
}

// Error returns the engine's message and code.
func (e *engineError) Error() string {
	if e.message == "" {
		return "database error " + e.code
	}
	return fmt.Sprintf("%s (%s)", e.message, e.code)
}

var quoted = regexp.MustCompile(`"[^"]*"`)

// redact returns err without the values of parameters.
func redact(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		kept := &engineError{code: "SQLSTATE " + pg.Code}
		if !strings.HasPrefix(pg.Code, "22") { // the message of a data exception quotes the value
			kept.message = pg.Message
		}
		if strings.HasPrefix(pg.Code, "28") || strings.HasPrefix(pg.Code, "3D") { // it quotes parts of the URL
			kept.message = quoted.ReplaceAllString(pg.Message, `"..."`)
		}
		return kept
	}
	var lite sqliteErr
	if errors.As(err, &lite) {
		// SQLite's messages name tables and columns, never values.
		return &engineError{code: fmt.Sprintf("SQLite %d", lite.Code()), message: lite.Error()}
	}
	if isConversion(err) {
		return errors.New("a parameter or a column has the wrong type")
	}
	return err
}
