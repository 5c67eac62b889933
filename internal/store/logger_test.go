package store

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gorm.io/gorm"

	"rekey/internal/auth"
	"rekey/internal/test/logcheck"
)

// openLogged returns a migrated SQLite store that logs everything to the buffer.
// It logs every statement as slow.
func openLogged(t *testing.T) (*Store, *bytes.Buffer) {
	t.Helper()
	var out bytes.Buffer
	t.Cleanup(func() { logcheck.Check(t, out.String()) })
	log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	s, err := Open(t.Context(), Options{Path: filepath.Join(t.TempDir(), "rekey.db"), Logger: log})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	if _, err := s.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.log.slow = time.Nanosecond
	for _, h := range []*handle{&s.read, &s.write, &s.begin} {
		h.db = h.db.Session(&gorm.Session{Logger: statementLogger{log: log, slow: time.Nanosecond}})
	}
	return s, &out
}

func TestStatementLogger_Trace(t *testing.T) {
	s, out := openLogged(t)
	ctx := t.Context()
	t.Run("SlowStatement", func(t *testing.T) {
		_, _, _ = s.UserByEmailKey(ctx, "hunter2@example.org")
		if got := out.String(); !strings.Contains(got, "level=WARN") || !strings.Contains(got, "email_key = ?") {
			t.Errorf("the slow statement is not in the log: %s", got)
		}
	})
	t.Run("FailedStatement", func(t *testing.T) {
		out.Reset()
		_, err := s.exec(ctx, nil, "UPDATE nowhere SET x = @x", params{"x": "hunter2"})
		if err == nil {
			t.Fatal("no error")
		}
		if got := out.String(); !strings.Contains(got, "level=DEBUG") || !strings.Contains(got, "no such table") {
			t.Errorf("the failed statement is not in the log: %s", got)
		}
	})
	t.Run("NoParameters", func(t *testing.T) {
		u := auth.User{ID: "0195c7c0-0000-7000-8000-000000000001", Name: "hunter2", Email: "hunter2", EmailKey: "hunter2", PasswordHash: "hunter2"}
		sess := auth.Session{ID: "0195c7c0-0000-7000-8000-000000000002", UserID: u.ID, UserAgent: "hunter2"}
		for range 2 { // the second one fails
			_ = s.CreateUser(ctx, auth.NewAccount{User: u, Session: sess}, nil)
		}
		_, _ = s.Rotate(ctx, auth.Rotation{SessionID: sess.ID, UserID: u.ID})
		if strings.Contains(out.String(), "hunter2") {
			t.Errorf("a parameter is in the log: %s", out)
		}
	})
}

// A warning contains the id of the request, and only the beginning of a long
// statement.
func TestStatementLogger_Trace_short(t *testing.T) {
	s, _ := openLogged(t)
	ids := auth.Rotation{SessionID: "0195c7c0-0000-7000-8000-000000000002", UserID: "0195c7c0-0000-7000-8000-000000000001"}
	for level, whole := range map[slog.Level]bool{slog.LevelInfo: false, slog.LevelDebug: true} {
		var out bytes.Buffer
		log := slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: level}))
		s.log = statementLogger{log: log, slow: time.Nanosecond}
		for id, suffix := range map[string]string{"": "", "r-1": " request_id=r-1"} {
			out.Reset()
			_, _ = s.Rotate(auth.WithClient(t.Context(), auth.Client{RequestID: id}), ids)
			line := strings.TrimSpace(out.String())
			if !strings.Contains(line, `statement="UPDATE sessions SET `) || strings.Contains(line, "request_id=") != (id != "") || !strings.HasSuffix(line, suffix) {
				t.Errorf("%v: %s", level, line)
			}
			if strings.Contains(line, "RETURNING") != whole || whole == (len(line) < maxStatement+200) {
				t.Errorf("%v, a line of %d bytes: %s", level, len(line), line)
			}
		}
	}
}

// TestStore_OneStatement counts the statements of calls that promise to use one.
func TestStore_OneStatement(t *testing.T) {
	s, out := openLogged(t)
	ids := auth.Rotation{SessionID: "0195c7c0-0000-7000-8000-000000000002", UserID: "0195c7c0-0000-7000-8000-000000000001"}
	for name, call := range map[string]func(){
		"Rotate":       func() { _, _ = s.Rotate(t.Context(), ids) },
		"SessionState": func() { _, _ = s.SessionState(t.Context(), ids.SessionID, ids.Current) },
	} {
		t.Run(name, func(t *testing.T) {
			out.Reset()
			call()
			if got := strings.Count(out.String(), "slow statement"); got != 1 {
				t.Errorf("%d statements, want 1: %s", got, out)
			}
		})
	}
}
