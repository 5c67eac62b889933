//go:build linux || darwin

package doctor

import "syscall"

// diskSpace returns the bytes of the disk that contains a directory.
func diskSpace(dir string) (free, total uint64, err error) {
	var disk syscall.Statfs_t
	if err := syscall.Statfs(dir, &disk); err != nil {
		return 0, 0, err
	}
	size := uint64(disk.Bsize) //nolint:gosec // a block has no negative size
	return disk.Bavail * size, disk.Blocks * size, nil
}

// accessible returns why this user cannot read and change a file, or a
// directory, or nil.
func accessible(path string, dir bool) error {
	mode := uint32(4 | 2) // R_OK, W_OK
	if dir {
		mode |= 1 // X_OK
	}
	return syscall.Access(path, mode)
}

// OpenFilesLimit returns how many files and connections a process may open.
func OpenFilesLimit() (uint64, error) {
	var limit syscall.Rlimit
	err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit)
	return limit.Cur, err
}
