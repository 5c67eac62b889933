//go:build linux || darwin

package doctor

import "golang.org/x/sys/unix"

// diskSpace returns the bytes of the disk that contains a directory.
func diskSpace(dir string) (free, total uint64, err error) {
	var disk unix.Statfs_t
	if err := unix.Statfs(dir, &disk); err != nil {
		return 0, 0, err
	}
	size := uint64(disk.Bsize) //nolint:gosec // a block has no negative size
	return disk.Bavail * size, disk.Blocks * size, nil
}

// accessible returns why this user cannot read and change a file, or a
// directory, or nil.
func accessible(path string, dir bool) error {
	mode := uint32(unix.R_OK | unix.W_OK)
	if dir {
		mode |= unix.X_OK
	}
	return unix.Access(path, mode)
}

// openFilesLimit returns how many files and connections a process may open.
func openFilesLimit() (uint64, error) {
	var limit unix.Rlimit
	err := unix.Getrlimit(unix.RLIMIT_NOFILE, &limit)
	return limit.Cur, err
}
