package web

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"rekey/internal/auth"
)

const (
	maxLoggedPath    = 128 // bytes
	maxLoggedSegment = 40  // bytes; a UUID has 36
	maxLoggedMethod  = 16  // bytes
)

// NewLogger returns a logger that writes JSON objects ("json"), or readable
// key=value pairs ("text"), one a line. Durations are text with their unit in
// both.
func NewLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format != "json" {
		return slog.New(slog.NewTextHandler(w, options))
	}
	options.ReplaceAttr = func(_ []string, a slog.Attr) slog.Attr {
		if a.Value.Kind() == slog.KindDuration {
			a.Value = slog.StringValue(a.Value.Duration().String())
		}
		return a
	}
	return slog.New(slog.NewJSONHandler(w, options))
}

// Answered receives each request after it was answered. The status is 0 if the
// answer was cut off before it began. An answer that stays open is a stream of
// events or a WebSocket.
type Answered func(path, method string, status int, took time.Duration, staysOpen bool)

// Trace starts the trace of a request. The returned function ends it; its
// status is that of Answered.
type Trace func(ctx context.Context, method, path string) (context.Context, func(status int))

// AccessLog logs one line for each request after it was answered: at warn if
// the answer was cut off, else at info, whatever the status. It logs neither
// query, headers nor bodies. It also calls the options' Answered and Trace.
func AccessLog(o Options, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		started, endTrace := o.Now(), func(int) {}
		if o.Trace != nil {
			var ctx context.Context
			ctx, endTrace = o.Trace(r.Context(), r.Method, r.URL.EscapedPath())
			r = r.WithContext(ctx)
		}
		rec := &recorder{ResponseWriter: w}
		if o.LimitHeaders == nil || o.LimitHeaders(r.URL.EscapedPath()) {
			rec.quotas = auth.QuotasFrom(r.Context())
		}
		aborted := true
		defer func() {
			took := o.Now().Sub(started)
			if o.Answered != nil {
				staysOpen := rec.status == http.StatusSwitchingProtocols ||
					strings.HasPrefix(rec.Header().Get("Content-Type"), "text/event-stream")
				o.Answered(r.URL.EscapedPath(), r.Method, rec.status, took, staysOpen)
			}
			endTrace(rec.status)
			logRequest(o.Log, r, rec, took, aborted)
		}()
		next.ServeHTTP(rec, r)
		rec.begin(http.StatusOK) // net/http's answer for a handler that writes nothing
		aborted = false
	})
}

func logRequest(log *slog.Logger, r *http.Request, rec *recorder, took time.Duration, aborted bool) {
	// The status does not decide: the legacy route answers 500 for a blacklisted
	// token. The transports log errors, each at its level.
	level := slog.LevelInfo
	client := auth.ClientFrom(r.Context())
	attrs := []slog.Attr{
		slog.String("method", truncated(r.Method, maxLoggedMethod)),
		slog.String("path", loggedPath(r.URL.EscapedPath())),
		slog.Int("status", rec.status),
		slog.Int64("bytes", rec.bytes),
		slog.Float64("duration_ms", float64(took.Microseconds())/1000),
		slog.String("request_id", client.RequestID),
		slog.String("client", client.Address),
	}
	if id := auth.SessionFrom(r.Context()); id != "" {
		attrs = append(attrs, slog.String("session_id", id))
	}
	if aborted {
		level = slog.LevelWarn
		attrs = append(attrs, slog.Bool("aborted", true))
	}
	log.LogAttrs(r.Context(), level, "request", attrs...)
}

// loggedPath returns the path as it is logged. A long segment is not part of
// our routes, and may be a token that a client put there by mistake.
func loggedPath(path string) string {
	if len(path) <= maxLoggedSegment {
		return path
	}
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if len(s) > maxLoggedSegment {
			segments[i] = "[long]"
		}
	}
	return truncated(strings.Join(segments, "/"), maxLoggedPath)
}
