package web

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// What the documentation of the log says of times.
func TestNewLogger_durations(t *testing.T) {
	for format, want := range map[string]string{"text": " duration=1.204ms", "json": `,"duration":1204000}`} {
		var out bytes.Buffer
		NewLogger(&out, format, slog.LevelInfo).Info("m", "duration", 1204*time.Microsecond)
		if got := strings.TrimSpace(out.String()); !strings.HasSuffix(got, want) {
			t.Errorf("%s: %s, want it to end in %s", format, got, want)
		}
	}
}
