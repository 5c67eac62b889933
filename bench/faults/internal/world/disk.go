package world

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"syscall"
)

// Disk is a small file system in memory of its own, which can be filled.
type Disk struct{ Dir string }

const diskSize = "size=320m,mode=0777"

// OpenDisk mounts a small file system; it needs the right to.
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

// Fill takes every byte that is left.
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

// Free gives the room back.
func (d *Disk) Free() error { return os.Remove(d.ballast()) }

// Close unmounts it, also while something is still open.
func (d *Disk) Close() error {
	return errors.Join(syscall.Unmount(d.Dir, syscall.MNT_DETACH), os.Remove(d.Dir))
}

// zeros is endless.
type zeros struct{}

// Read implements io.Reader: zeros without end.
func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}
