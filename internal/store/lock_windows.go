package store

import (
	"os"

	"golang.org/x/sys/windows"
)

// errLocked is returned by lockNow if another process holds the lock.
const errLocked = windows.ERROR_LOCK_VIOLATION

// lockNow locks a file, or returns errLocked at once. It locks the first byte,
// which the empty file need not have.
func lockNow(f *os.File, exclusive bool) error {
	how := uint32(windows.LOCKFILE_FAIL_IMMEDIATELY)
	if exclusive {
		how |= windows.LOCKFILE_EXCLUSIVE_LOCK
	}
	return windows.LockFileEx(windows.Handle(f.Fd()), how, 0, 1, 0, new(windows.Overlapped))
}
