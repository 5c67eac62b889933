//go:build !linux && !darwin

package doctor

import (
	"errors"
	"os"
)

// diskSpace is not supported on this system.
func diskSpace(string) (free, total uint64, err error) { return 0, 0, errors.ErrUnsupported }

// accessible returns why this user cannot read and change a file, or nil. It
// does not check directories.
func accessible(path string, dir bool) error {
	if dir {
		return nil
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	return f.Close()
}

// OpenFilesLimit is not supported on this system.
func OpenFilesLimit() (uint64, error) { return 0, errors.ErrUnsupported }
