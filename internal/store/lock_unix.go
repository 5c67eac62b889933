//go:build unix

package store

import (
	"os"
	"syscall"
)

// errLocked is returned by lockNow if another process holds the lock.
const errLocked = syscall.EWOULDBLOCK

// lockNow locks a file, or returns errLocked at once.
func lockNow(f *os.File, exclusive bool) error {
	how := syscall.LOCK_SH
	if exclusive {
		how = syscall.LOCK_EX
	}
	return syscall.Flock(int(f.Fd()), how|syscall.LOCK_NB)
}
