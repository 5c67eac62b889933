package throwaway

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

const (
	dirPrefix = "rekey-throwaway-"
	lockName  = "lock"
)

// directory is a server's own. Its lock is held as long as the test binary
// lives: a test that panics or runs out of time ends the binary without any
// cleanup, and the next one removes what it left.
type directory struct {
	path string
	lock *os.File
}

// newDirectory makes a directory owned by the user that the server will run
// as, below parent ("": the system's temporary one). It is not below a test's
// TempDir, which other users cannot enter.
func newDirectory(parent string, cred *syscall.Credential) (*directory, error) {
	removeOrphans()
	path, err := os.MkdirTemp(parent, dirPrefix)
	if err != nil {
		return nil, fmt.Errorf("make a directory: %w", err)
	}
	d := &directory{path: path}
	if err := errors.Join(d.hold(), chown(path, cred)); err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the directory: %w", err), d.remove())
	}
	return d, nil
}

// hold takes the lock before the file has its name: there is no moment at
// which the directory looks left behind.
func (d *directory) hold() error {
	f, err := os.CreateTemp(d.path, lockName)
	if err != nil {
		return err
	}
	d.lock = f
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return err
	}
	return os.Rename(f.Name(), filepath.Join(d.path, lockName))
}

func (d *directory) remove() error {
	err := os.RemoveAll(d.path)
	if d.lock != nil {
		err = errors.Join(err, d.lock.Close())
	}
	return err
}

// chown hands a path over to the user of cred, if there is one.
func chown(path string, cred *syscall.Credential) error {
	if cred == nil {
		return nil
	}
	return os.Chown(path, int(cred.Uid), int(cred.Gid))
}

// removeOrphans removes directories whose lock nobody holds. What cannot be
// removed is another user's.
func removeOrphans() {
	locks, _ := filepath.Glob(filepath.Join(os.TempDir(), dirPrefix+"*", lockName))
	for _, path := range locks {
		if f, err := os.Open(path); err == nil {
			if syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
				_ = os.RemoveAll(filepath.Dir(path))
			}
			_ = f.Close()
		}
	}
}
