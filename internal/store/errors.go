package store

import (
	"context"
	"errors"
	"fmt"
	"strings"

	gosqlite "github.com/glebarez/go-sqlite"
	"github.com/jackc/pgx/v5/pgconn"
	"gorm.io/gorm"

	"rekey/internal/auth"
)

// fail turns an error of the database into one of the core's: what was being
// done is added, and every value of a parameter is taken out.
//
// Whatever is not certainly a fault of the program is CodeUnavailable. Trouble
// told as anything else would log people out.
func fail(doing string, err error) error {
	switch {
	case err == nil:
		return nil
	case errors.Is(err, auth.ErrNotFound), errors.Is(err, auth.ErrMovedOn), errors.Is(err, auth.ErrEmailTaken):
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
	if lite := (*gosqlite.Error)(nil); errors.As(err, &lite) && lite.Code()&0xff == sqliteBusy {
		doing += ": another process has been writing to the database for longer than 3 s"
	}
	return fmt.Errorf("%s: %w", doing, redact(err))
}

// nothingDone reports whether err proves that nothing was written and nothing
// will be: no connection was had, or the server itself refused, which rolls
// back. A server that goes away (FATAL) may have committed before, and some
// say themselves that they do not know (40003, class 08).
func nothingDone(err error) bool {
	if errors.As(err, new(*pgconn.ConnectError)) || errors.Is(err, auth.ErrNothingDone) {
		return true
	}
	var pg *pgconn.PgError
	return errors.As(err, &pg) && pg.SeverityUnlocalized == "ERROR" &&
		pg.Code != "40003" && !strings.HasPrefix(pg.Code, "08")
}

// isFault reports whether err is the program's own: bad SQL, bad data, a
// violated constraint.
func isFault(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return strings.HasPrefix(pg.Code, "22") || strings.HasPrefix(pg.Code, "23") || strings.HasPrefix(pg.Code, "42")
	}
	var lite *gosqlite.Error
	if errors.As(err, &lite) {
		return isSQLiteFault(lite)
	}
	return errors.Is(err, errBadValue) || isConversion(err)
}

// Primary result codes of SQLite (https://sqlite.org/rescode.html).
const (
	sqliteError      = 1
	sqliteBusy       = 5
	sqliteTooBig     = 18
	sqliteConstraint = 19
	sqliteMismatch   = 20
	sqliteMisuse     = 21
	sqliteRange      = 25
)

func isSQLiteFault(err *gosqlite.Error) bool {
	switch err.Code() & 0xff {
	case sqliteTooBig, sqliteConstraint, sqliteMismatch, sqliteMisuse, sqliteRange:
		return true
	case sqliteError:
		text := err.Error()
		return strings.Contains(text, "no such") || strings.Contains(text, "syntax error") ||
			strings.Contains(text, "has no column")
	}
	return false
}

// errBadValue is a value that no column can hold.
var errBadValue = errors.New("not a value that can be stored")

// isConversion reports whether a parameter could not be encoded or a column
// not be read. Such errors quote the value.
func isConversion(err error) bool {
	text := err.Error()
	return strings.Contains(text, "encode args[") || strings.Contains(text, "Scan error on column")
}

// emailTaken reports whether err says that the e-mail key exists already. The
// constraint's name is Postgres', the column's is in SQLite's message.
func emailTaken(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return errors.Is(err, gorm.ErrDuplicatedKey) && pg.ConstraintName == "users_email_key_unique"
	}
	return errors.Is(err, gorm.ErrDuplicatedKey) && strings.Contains(err.Error(), "users.email_key")
}

// violatesForeignKey reports whether a row that err's row refers to is not there.
func violatesForeignKey(err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "23503"
	}
	var lite *gosqlite.Error
	const sqliteConstraintForeignKey = 787
	return errors.As(err, &lite) && lite.Code() == sqliteConstraintForeignKey
}

// rolledBack reports whether err proves that nothing was done and that doing
// it again may work: a serialization failure, a deadlock's victim, or another
// caller having been cancelled while preparing the statement for us both.
func rolledBack(ctx context.Context, err error) bool {
	var pg *pgconn.PgError
	if errors.As(err, &pg) {
		return pg.Code == "40001" || pg.Code == "40P01"
	}
	return errors.Is(err, context.Canceled) && ctx.Err() == nil
}
