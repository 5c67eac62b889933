package auth

import (
	"context"
	"log/slog"
	"slices"
	"time"
)

// LogError logs, once, an error that a transport tells: GraphQL's status may be
// 200, and the legacy route's 500 for a token that is blacklisted. What is not
// the client's doing comes with its cause. A verdict is logged whether or not the
// client seems to have left: one that has closed its own side only is answered.
// What its leaving cut off is not worth a line. What there is nothing to say of is
// left out of the line.
func LogError(ctx context.Context, log *slog.Logger, transport Transport, e *Error, more ...slog.Attr) {
	level, message := slog.LevelInfo, "request refused"
	switch {
	case e.Code == CodeInternal:
		level, message = slog.LevelError, "request failed"
	case e.Code == CodeUnavailable && ctx.Err() != nil:
		return
	case e.Code == CodeUnavailable:
		level, message = slog.LevelWarn, "request failed"
	}
	attrs := append([]slog.Attr{slog.String("transport", string(transport))}, more...)
	attrs = append(attrs,
		slog.String("code", string(e.Code)),
		slog.String("reason", string(e.Reason)),
		slog.String("request_id", ClientFrom(ctx).RequestID),
		slog.String("session_id", SessionFrom(ctx)),
		slog.Any("error", e.Err))
	log.LogAttrs(ctx, level, message, slices.DeleteFunc(attrs, saysNothing)...)
}

func saysNothing(a slog.Attr) bool {
	return a.Value.Any() == nil || a.Value.Equal(slog.StringValue(""))
}

// CeilSeconds rounds up to whole seconds, as answers tell them: who waits as told
// must not come too early.
func CeilSeconds(d time.Duration) int {
	return int((max(0, d) + time.Second - 1) / time.Second)
}

// RetrySeconds is how many seconds the client of a retryable error is to wait:
// one at least.
func (e *Error) RetrySeconds() int { return max(1, CeilSeconds(e.RetryAfter)) }
