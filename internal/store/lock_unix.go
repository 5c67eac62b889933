//go:build unix

package store

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// ErrInUse is returned by Open when another process holds the database.
var ErrInUse = errors.New("the database is in use by another process")

// Locks are on files beside the database, never on the database itself: SQLite
// has locks of its own there.
const (
	claimSuffix   = ".lock"
	migrateSuffix = ".migrate.lock"
)

const (
	lockPoll   = 20 * time.Millisecond
	claimTries = 5 // InUse holds the lock for a moment
)

// fileLock is a lock that the kernel lifts when the process ends, kill -9
// included.
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
		return false, fmt.Errorf("find the database file: %w", err)
	}
	f, err := os.Open(path + claimSuffix)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("open the lock file: %w", err)
	}
	free, err := tryLock(f, syscall.LOCK_SH)
	return !free && err == nil, errors.Join(err, f.Close())
}

// lockFile locks a file, trying at most so many times, or for as long as ctx
// lasts when tries is 0.
func lockFile(ctx context.Context, path string, tries int) (*fileLock, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the lock file: %w", err)
	}
	for try := 1; ; try++ {
		held, err := tryLock(f, syscall.LOCK_EX)
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

func tryLock(f *os.File, how int) (bool, error) {
	err := syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("lock %s: %w", filepath.Base(f.Name()), err)
	}
	return true, nil
}

// release gives the lock up. A nil lock has nothing to give up.
func (l *fileLock) release() error {
	if l == nil {
		return nil
	}
	return l.f.Close()
}
