//go:build unix

package config

import (
	"io/fs"
	"os"
	"syscall"
)

// foreign returns why another user may have chosen the content of a file, or "".
// A group with the number of the owner is the owner's own, as most systems create
// it.
func foreign(info fs.FileInfo) string {
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	if owner := int(stat.Uid); owner != 0 && owner != os.Geteuid() {
		return "it belongs to another user; chown it to root or to the user that runs rekey"
	}
	mode := info.Mode().Perm()
	if mode&0o002 != 0 || mode&0o020 != 0 && stat.Gid != stat.Uid {
		return "other users may write to it; chmod 600 it"
	}
	return ""
}
