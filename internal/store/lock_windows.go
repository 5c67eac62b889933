package store

import (
	"os"
	"syscall"
	"unsafe"
)

// errLocked is returned by lockNow if another process holds the lock.
const errLocked = syscall.Errno(33) // ERROR_LOCK_VIOLATION

// Flags of LockFileEx.
const (
	failImmediately = 1
	exclusiveLock   = 2
)

// lockNow locks a file, or returns errLocked at once. It locks the first byte,
// which the empty file need not have.
func lockNow(f *os.File, exclusive bool) error {
	flags := uintptr(failImmediately)
	if exclusive {
		flags |= exclusiveLock
	}
	lock := syscall.NewLazyDLL("kernel32.dll").NewProc("LockFileEx")
	locked, _, err := lock.Call(f.Fd(), flags, 0, 1, 0, uintptr(unsafe.Pointer(new(syscall.Overlapped))))
	if locked == 0 {
		return err
	}
	return nil
}
