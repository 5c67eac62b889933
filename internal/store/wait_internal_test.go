package store

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"rekey/internal/auth"
)

// TestOptions_await: an attempt that is cut off when the wait ends does not hide
// what was wrong with the database before. If the context had a deadline, the
// network would report a timeout as soon as it passes.
func TestOptions_await(t *testing.T) {
	missing := auth.Unavailable(&engineError{code: "SQLSTATE 3D000", message: `database "nodb" does not exist`})
	tries := 0
	err := Options{Wait: 2 * awaitPause}.await(t.Context(), func(ctx context.Context) error {
		if tries++; tries == 1 {
			return missing
		}
		if _, ends := ctx.Deadline(); !ends {
			<-ctx.Done()
		}
		return auth.Unavailable(os.ErrDeadlineExceeded)
	})
	if cause := auth.Cause(err).Error(); !strings.HasPrefix(cause, "waited 500ms for the database: database \"nodb\" does not exist") || !Refused(err) {
		t.Errorf("after %d tries: %s", tries, cause)
	}
}

// TestOptions_await_created: await waits for a missing database, because another
// job may be about to create it.
func TestOptions_await_created(t *testing.T) {
	missing := auth.Unavailable(&engineError{code: "SQLSTATE 3D000"})
	tries := 0
	err := Options{Wait: time.Hour}.await(t.Context(), func(context.Context) error {
		if tries++; tries < 3 {
			return missing
		}
		return nil
	})
	if err != nil || tries != 3 {
		t.Errorf("after %d tries: %v", tries, err)
	}
}

func TestNotWritable(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		want bool
	}{
		"directory":         {auth.Unavailable(fmt.Errorf("open: %w", &engineError{code: "SQLite 1544"})), true},
		"file's mode":       {&fs.PathError{Op: "open", Path: "p", Err: syscall.EACCES}, true},
		"mounted read-only": {&fs.PathError{Op: "open", Path: "p", Err: syscall.EROFS}, true},
		"moved":             {&engineError{code: "SQLite 1032"}, false},
		"full":              {&engineError{code: "SQLite 13"}, false},
		"none":              {nil, false},
		"Postgres":          {&engineError{code: "SQLSTATE 3D000"}, false},
	} {
		if got := NotWritable(tt.err); got != tt.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
