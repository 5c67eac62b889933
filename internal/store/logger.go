package store

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"time"

	"gorm.io/gorm"
	"gorm.io/gorm/logger"

	"rekey/internal/auth"
)

// maxStatement is how much of a slow statement is logged, in bytes.
const maxStatement = 300

// statementLogger is GORM's logger on slog. Parameters never reach it, so that
// no hash, address or name can be logged.
type statementLogger struct {
	log  *slog.Logger
	slow time.Duration
}

func logged(o Options) statementLogger {
	return statementLogger{log: o.logger(), slow: SlowStatement}
}

var (
	_ logger.Interface  = statementLogger{}
	_ gorm.ParamsFilter = statementLogger{}
)

// ParamsFilter drops the parameters before GORM would spell them out, and puts
// the statement on one line.
func (l statementLogger) ParamsFilter(_ context.Context, statement string, _ ...any) (string, []any) {
	return strings.Join(strings.Fields(statement), " "), nil
}

// LogMode returns l: slog's handler decides what is shown.
func (l statementLogger) LogMode(logger.LogLevel) logger.Interface { return l }

// Info, Warn and Error log GORM's own remarks without their arguments, which
// may hold values.
func (l statementLogger) Info(ctx context.Context, msg string, _ ...any) {
	l.log.DebugContext(ctx, msg)
}

// Warn is as Info.
func (l statementLogger) Warn(ctx context.Context, msg string, _ ...any) {
	l.log.WarnContext(ctx, msg)
}

// Error is as Info: the error itself is returned to the caller.
func (l statementLogger) Error(ctx context.Context, msg string, _ ...any) {
	l.log.DebugContext(ctx, msg)
}

// Trace logs a slow statement at warn, and a failed one at debug: its error is
// returned, and whoever handles it logs it.
func (l statementLogger) Trace(ctx context.Context, begin time.Time, describe func() (string, int64), err error) {
	elapsed := time.Since(begin) //nolint:forbidigo // GORM measures by the wall clock, and nothing is judged by it
	if elapsed >= l.slow {
		statement, rows := describe()
		l.write(ctx, slog.LevelWarn, "slow statement",
			slog.String("statement", l.abridged(ctx, statement)), slog.Int64("rows", rows), slog.Float64("duration_ms", float64(elapsed.Microseconds())/1000))
	}
	if err == nil || expected(err) || !l.log.Enabled(ctx, slog.LevelDebug) {
		return
	}
	statement, _ := describe()
	l.write(ctx, slog.LevelDebug, "statement failed", slog.String("statement", statement), slog.Any("error", redact(err)))
}

// write names the request that a statement is part of; some are of none, and
// some of several.
func (l statementLogger) write(ctx context.Context, level slog.Level, msg string, attrs ...slog.Attr) {
	if id := auth.ClientFrom(ctx).RequestID; id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	l.log.LogAttrs(ctx, level, msg, attrs...)
}

// abridged is enough of a statement to know it by: some have thousands of
// bytes. Who debugs sees all of it.
func (l statementLogger) abridged(ctx context.Context, statement string) string {
	if len(statement) <= maxStatement || l.log.Enabled(ctx, slog.LevelDebug) {
		return statement
	}
	return strings.ToValidUTF8(statement[:maxStatement], "") + "..."
}

func expected(err error) bool {
	return errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, gorm.ErrDuplicatedKey)
}
