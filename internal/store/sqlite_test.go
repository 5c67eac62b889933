package store_test

import (
	"bufio"
	"bytes"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/store"
)

func TestOpen_SQLiteFiles(t *testing.T) {
	for _, name := range []string{"rekey.db", "a b?c#d%41&e=f.db"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "new", "data", name)
			s := open(t, store.Options{Path: path})
			if got := s.Dialect(); got != store.SQLite {
				t.Errorf("dialect is %q", got)
			}
			wantMode(t, filepath.Dir(path), 0o700)
			for _, suffix := range []string{"", "-wal", "-shm"} {
				wantMode(t, path+suffix, 0o600)
			}
		})
	}
}

// TestOpen_SQLiteCreated: Open logs that it created a database, but not that it
// opened one.
func TestOpen_SQLiteCreated(t *testing.T) {
	path := sqlitePath(t)
	for _, want := range []int{1, 0} {
		var log bytes.Buffer
		s, err := store.Open(t.Context(), store.Options{Path: path, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Close(); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(log.String(), `level=INFO msg="created a new, empty database" path=`+path); got != want {
			t.Errorf("logged %d times, want %d: %s", got, want, log.String())
		}
	}
}

// TestStore_Ping_fileGone: Ping fails while the file is moved away or replaced,
// although SQLite still works with it, and succeeds when the file is back.
func TestStore_Ping_fileGone(t *testing.T) {
	path := sqlitePath(t)
	s := open(t, store.Options{Path: path})
	want := func(state string, gone bool) {
		t.Helper()
		err := s.Ping(t.Context())
		if errors.Is(err, store.ErrFileGone) != gone || (err != nil) != gone || gone && auth.AsError(err).Code != auth.CodeUnavailable {
			t.Errorf("%s: %v", state, auth.Cause(err))
		}
	}
	want("in place", false)
	if err := os.Rename(path, path+".old"); err != nil {
		t.Fatal(err)
	}
	want("moved", true)
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	want("replaced", true)
	if err := os.Rename(path+".old", path); err != nil {
		t.Fatal(err)
	}
	want("back", false)
}

func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode().Perm(); got != want {
		t.Errorf("%s has mode %o, want %o", filepath.Base(path), got, want)
	}
}

func TestOpen_SQLiteBadPath(t *testing.T) {
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, []byte("no database, though long enough for SQLite to look at it: "+
		"0123456789012345678901234567890123456789012345678901234567890123456789"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, path := range map[string]string{"none": "", "under a file": file + "/x.db", "no database": file} {
		t.Run(name, func(t *testing.T) {
			if s, err := store.Open(t.Context(), store.Options{Path: path}); err == nil {
				t.Errorf("Open succeeded; close: %v", s.Close())
			}
		})
	}
}

func TestOpen_Exclusive(t *testing.T) {
	path := sqlitePath(t)
	wantInUse(t, path, false)
	s, err := store.Open(t.Context(), store.Options{Path: path, Exclusive: true})
	if err != nil {
		t.Fatal(err)
	}
	wantInUse(t, path, true)
	wantErrInUse(t, path, os.Getpid())
	open(t, store.Options{Path: path}) // a command may open it while a server runs
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	wantInUse(t, path, false)
	open(t, store.Options{Path: path, Exclusive: true})
}

// wantErrInUse requires that a second server is refused, and learns which database
// is in use by which process.
func wantErrInUse(t *testing.T, path string, pid int) {
	t.Helper()
	_, err := store.Open(t.Context(), store.Options{Path: path, Exclusive: true})
	if want := fmt.Sprintf("in use by another process: %s, process %d", path, pid); !errors.Is(err, store.ErrInUse) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("second Open: %v, want ErrInUse ... %s", err, want)
	}
}

func wantInUse(t *testing.T, path string, want bool) {
	t.Helper()
	got, err := store.InUse(path)
	if err != nil || got != want {
		t.Errorf("InUse is %v (%v), want %v", got, err, want)
	}
}

const holdEnv = "STORE_TEST_HOLD"

// TestOpen_ExclusiveKilled: killing the process that holds the database frees it.
func TestOpen_ExclusiveKilled(t *testing.T) {
	if path := os.Getenv(holdEnv); path != "" {
		hold(t, path)
		return
	}
	path := sqlitePath(t)
	holder := exec.Command(os.Args[0], "-test.run=^TestOpen_ExclusiveKilled$")
	holder.Env = append(os.Environ(), holdEnv+"="+path)
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "held\n" {
		t.Errorf("the holder printed %q (%v)", line, err)
	}
	wantInUse(t, path, true)
	wantErrInUse(t, path, holder.Process.Pid)
	if err := holder.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = holder.Wait() // always an error: it was killed
	wantInUse(t, path, false)
	open(t, store.Options{Path: path, Exclusive: true})
}

func hold(t *testing.T, path string) {
	open(t, store.Options{Path: path, Exclusive: true})
	if _, err := os.Stdout.WriteString("held\n"); err != nil {
		t.Fatal(err)
	}
	<-t.Context().Done() // until killed
}

// A process that writes makes ours wait and finally fail with CodeUnavailable.
func TestStore_SQLiteBusy(t *testing.T) {
	t.Parallel()
	path := sqlitePath(t)
	s := open(t, store.Options{Path: path})
	other, err := sql.Open("sqlite", "file:"+path+"?_txlock=immediate")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = other.Close() }()
	tx, err := other.Begin()
	if err != nil {
		t.Fatal(err)
	}
	err = s.SetReplicaNodes(t.Context(), "a", nil)
	if err == nil || auth.AsError(err).Code != auth.CodeUnavailable {
		t.Errorf("error is %v, want UNAVAILABLE", err)
	}
	if _, err := s.Now(t.Context()); err != nil {
		t.Errorf("reading while another writes: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := s.SetReplicaNodes(t.Context(), "a", nil); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

func TestStore_SQLiteClock(t *testing.T) {
	wantClock(t, open(t, store.Options{Path: sqlitePath(t)}))
}

// wantClock checks that the engine's own clock is this machine's.
func wantClock(t *testing.T, s *store.Store) {
	t.Helper()
	before := time.Now().Truncate(time.Millisecond)
	got, err := s.Now(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if got.Before(before) || got.After(time.Now().Add(time.Millisecond)) {
		t.Errorf("the database's clock differs from ours by %v", got.Sub(before))
	}
}

func TestStore_SQLiteUnmigrated(t *testing.T) {
	s, err := store.Open(t.Context(), store.Options{Path: sqlitePath(t)})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	_, _, err = s.UserByEmailKey(t.Context(), "a@example.org")
	if err == nil || auth.AsError(err).Code != auth.CodeInternal {
		t.Errorf("error is %v, want an internal one", err)
	}
}

// TestStore_SQLiteReopen: a restarted store finds its previous rows.
func TestStore_SQLiteReopen(t *testing.T) {
	path := sqlitePath(t)
	s := open(t, store.Options{Path: path})
	if err := s.SetReplicaNodes(t.Context(), "a", []string{"x"}); err != nil {
		t.Fatal(err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	s = open(t, store.Options{Path: path})
	replicas, err := s.Replicas(t.Context(), time.Minute)
	if err != nil || len(replicas) != 1 {
		t.Errorf("replicas are %v (%v), want one", replicas, err)
	}
}

// TestStore_SQLiteBusy_context: while another process writes, a statement waits, but no
// longer than its context.
func TestStore_SQLiteBusy_context(t *testing.T) {
	path := sqlitePath(t)
	s := open(t, store.Options{Path: path})
	u, r := signUp(t, s)
	other, err := sql.Open("sqlite", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = other.Close() })
	other.SetMaxOpenConns(1)
	run := func(statement string) {
		t.Helper()
		if _, err := other.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	run("BEGIN IMMEDIATE")
	for name, write := range map[string]func(ctx context.Context) error{
		"Rotate": func(ctx context.Context) error { _, err := s.Rotate(ctx, r); return err },
		"End": func(ctx context.Context) error {
			_, err := s.EndSessions(ctx, auth.EndSessions{UserID: u.ID}, nil)
			return err
		},
	} {
		const limit = 50 * time.Millisecond
		least := time.Hour
		for range 5 { // a busy machine may take longer
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			begun := time.Now()
			err := write(ctx)
			least = min(least, time.Since(begun))
			cancel()
			if auth.AsError(err).Code != auth.CodeUnavailable {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if least > time.Second {
			t.Errorf("%s took %v with a time limit of %v", name, least, limit)
		}
	}
	released := time.AfterFunc(400*time.Millisecond, func() { run("ROLLBACK") }) // longer than SQLite itself waits
	defer released.Stop()
	if _, err := s.Rotate(t.Context(), r); err != nil {
		t.Errorf("after a wait: %v", err)
	}
}
