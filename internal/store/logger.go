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

// statementLogger is GORM's logger on slog. It never receives parameters, so
// that no hash, address or name can be logged.
type statementLogger struct {
	log  *slog.Logger
	slow time.Duration
}

func newStatementLogger(o Options) statementLogger {
	return statementLogger{log: o.logger(), slow: SlowStatement}
}

var (
	_ logger.Interface  = statementLogger{}
	_ gorm.ParamsFilter = statementLogger{}
)

// ParamsFilter drops the parameters before GORM would write them out, and puts
// the statement on one line.
func (l statementLogger) ParamsFilter(_ context.Context, statement string, _ ...any) (string, []any) {
	return strings.Join(strings.Fields(statement), " "), nil
}

// LogMode returns l: the handler of slog decides what is logged.
func (l statementLogger) LogMode(logger.LogLevel) logger.Interface { return l }

// Info logs a message of GORM without its arguments, which may contain values.
func (l statementLogger) Info(ctx context.Context, msg string, _ ...any) {
	l.log.DebugContext(ctx, msg)
}

// Warn logs a message of GORM without its arguments.
func (l statementLogger) Warn(ctx context.Context, msg string, _ ...any) {
	l.log.WarnContext(ctx, msg)
}

// Error logs a message of GORM without its arguments, at debug: the error itself
// is returned to the caller.
func (l statementLogger) Error(ctx context.Context, msg string, _ ...any) {
	l.log.DebugContext(ctx, msg)
}

// Trace logs a slow statement at warn and a failed one at debug: its error is
// returned, and the code that handles the error logs it.
func (l statementLogger) Trace(ctx context.Context, begin time.Time, describe func() (string, int64), err error) {
	elapsed := time.Since(begin) //nolint:forbidigo // GORM measures by the wall clock, and nothing is judged by it
	debug := l.log.Enabled(ctx, slog.LevelDebug)
	if elapsed >= l.slow {
		statement, rows := describe()
		if len(statement) > maxStatement && !debug {
			statement = strings.ToValidUTF8(statement[:maxStatement], "") + "..."
		}
		l.write(ctx, slog.LevelWarn, "slow statement",
			slog.String("statement", statement), slog.Int64("rows", rows), slog.Float64("duration_ms", float64(elapsed.Microseconds())/1000))
	}
	if err == nil || !debug || errors.Is(err, gorm.ErrRecordNotFound) || errors.Is(err, gorm.ErrDuplicatedKey) {
		return
	}
	statement, _ := describe()
	l.write(ctx, slog.LevelDebug, "statement failed", slog.String("statement", statement), slog.Any("error", redact(err)))
}

// write adds the id of the request. Some statements belong to no request, and
// batches to several.
func (l statementLogger) write(ctx context.Context, level slog.Level, msg string, attrs ...slog.Attr) {
	if id := auth.ClientFrom(ctx).RequestID; id != "" {
		attrs = append(attrs, slog.String("request_id", id))
	}
	l.log.LogAttrs(ctx, level, msg, attrs...)
}
