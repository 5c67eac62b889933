package world

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Disk is a small file system in memory that can be filled.
type Disk struct{ Dir string }

const diskSize = "size=320m,mode=0777"

// OpenDisk mounts a small file system. The process needs the permission to
// mount.
func OpenDisk() (*Disk, error) {
	dir, err := os.MkdirTemp("", "rekey-faults-disk-")
	if err != nil {
		return nil, fmt.Errorf("making a mount point: %w", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, diskSize); err != nil {
		return nil, errors.Join(fmt.Errorf("mounting a small disk: %w", err), os.Remove(dir))
	}
	return &Disk{Dir: dir}, nil
}

func (d *Disk) ballast() string { return filepath.Join(d.Dir, "ballast") }

// Fill uses all free bytes.
func (d *Disk) Fill() error {
	f, err := os.Create(d.ballast())
	if err != nil {
		return fmt.Errorf("filling the disk: %w", err)
	}
	_, err = io.Copy(f, zeros{})
	closeErr := f.Close()
	if !errors.Is(err, syscall.ENOSPC) {
		return fmt.Errorf("filling the disk: %w", errors.Join(err, closeErr))
	}
	return nil
}

// Free deletes the file that Fill created.
func (d *Disk) Free() error { return os.Remove(d.ballast()) }

// Close unmounts the disk, even if files are open.
func (d *Disk) Close() error {
	return errors.Join(syscall.Unmount(d.Dir, syscall.MNT_DETACH), os.Remove(d.Dir))
}

// zeros is an endless reader of zeros.
type zeros struct{}

// Read fills p with zeros.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
