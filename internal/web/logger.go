package web

import (
	"io"
	"log/slog"
)

// NewLogger returns a logger whose lines are JSON objects ("json"), or
// readable key=value pairs ("text").
func NewLogger(w io.Writer, format string, level slog.Level) *slog.Logger {
	options := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.New(slog.NewJSONHandler(w, options))
	}
	return slog.New(slog.NewTextHandler(w, options))
}
