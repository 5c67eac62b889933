package store

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// ErrInUse is returned by Open if another process holds the database.
var ErrInUse = errors.New("the database is in use by another process")

// Locks are on files beside the database, never on the database itself, where
// SQLite has its own locks.
const (
	claimSuffix   = ".lock"
	migrateSuffix = ".migrate.lock"
)

const (
	lockPoll   = 20 * time.Millisecond
	claimTries = 5 // InUse holds the lock for a moment
)

// fileLock is a lock that the kernel releases when the process ends, even if it
// is killed.
type fileLock struct{ f *os.File }

// claim takes a database for this process, or returns ErrInUse with its path and
// the id of the process that holds it. That process writes its id into the file of
// the lock; the id is missing if it cannot be read.
func claim(ctx context.Context, path string) (*fileLock, error) {
	lock, err := lockFile(ctx, path+claimSuffix, claimTries)
	if errors.Is(err, ErrInUse) {
		if pid := holder(path); pid > 0 {
			return nil, fmt.Errorf("%w: %s, process %d", err, path, pid)
		}
		return nil, fmt.Errorf("%w: %s", err, path)
	}
	if err != nil {
		return nil, err
	}
	if err := lock.sign(os.Getpid()); err != nil {
		return nil, errors.Join(err, lock.release())
	}
	return lock, nil
}

// pidOffset leaves out the first byte: on Windows it is locked, and nobody else can
// read it.
const pidOffset = 1

// sign writes the id of the process that holds the lock.
func (l *fileLock) sign(pid int) error {
	err := l.f.Truncate(0)
	if err == nil {
		_, err = l.f.WriteAt([]byte("\n"+strconv.Itoa(pid)+"\n"), 0)
	}
	if err != nil {
		return fmt.Errorf("writing the lock file: %w", err)
	}
	return nil
}

// holder returns the id of the process that holds a database, or 0.
func holder(path string) int {
	f, err := os.Open(path + claimSuffix)
	if err != nil {
		return 0
	}
	defer func() { _ = f.Close() }() // nothing was written
	text, err := io.ReadAll(io.NewSectionReader(f, pidOffset, maxPID))
	if err != nil {
		return 0
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return 0
	}
	return pid
}

const maxPID = 20 // digits

// InUse reports whether a process holds the SQLite file at path by
// Options.Exclusive.
func InUse(path string) (bool, error) {
	path, err := filepath.Abs(path)
	if err != nil {
		return false, fmt.Errorf("finding the database file: %w", err)
	}
	f, err := os.Open(path + claimSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("opening the lock file: %w", err)
	}
	free, err := tryLock(f, false)
	return !free && err == nil, errors.Join(err, f.Close())
}

// lockFile locks a file. It tries the given number of times, or until ctx is
// done if tries is 0.
func lockFile(ctx context.Context, path string, tries int) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("opening the lock file: %w", err)
	}
	for try := 1; ; try++ {
		held, err := tryLock(f, true)
		switch {
		case held:
			return &fileLock{f: f}, nil
		case err == nil && try == tries:
			err = ErrInUse
		case err == nil:
			err = pause(ctx, lockPoll)
		}
		if err != nil {
			return nil, errors.Join(err, f.Close())
		}
	}
}

// tryLock locks a file until it is closed, shared with others or exclusively.
// It returns false if another process holds a lock that excludes this one.
func tryLock(f *os.File, exclusive bool) (bool, error) {
	err := lockNow(f, exclusive)
	if errors.Is(err, errLocked) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("locking %s: %w", filepath.Base(f.Name()), err)
	}
	return true, nil
}

// release releases the lock. A nil lock has nothing to release.
func (l *fileLock) release() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}
