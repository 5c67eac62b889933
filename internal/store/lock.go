package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
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

// claim takes a database for this process, or returns ErrInUse.
func claim(ctx context.Context, path string) (*fileLock, error) {
	return lockFile(ctx, path+claimSuffix, claimTries)
}

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
