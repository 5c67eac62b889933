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

// directory is the directory of one server. Its lock is held as long as the test
// binary lives. A test that panics or times out ends the binary without a
// cleanup; the next test binary then removes the directory.
type directory struct {
	path string
	lock *os.File
}

// newDirectory creates a directory below parent ("" for the system's temporary
// directory), owned by the user that the server will run as. It is not below a
// test's TempDir, which other users cannot enter.
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

// hold takes the lock before the file has its name, so that the directory never
// looks abandoned.
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

// chown gives a path to the user of cred, if cred is not nil.
func chown(path string, cred *syscall.Credential) error {
	if cred == nil {
		return nil
	}
	return os.Chown(path, int(cred.Uid), int(cred.Gid))
}

// removeOrphans removes directories whose lock is not held. It skips directories
// of other users.
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
