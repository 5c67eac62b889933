package doctor

import (
	"fmt"
	"io/fs"
	"time"
)

// File is something on disk that others should not read.
type File struct {
	Path string
	Mode fs.FileMode
	// Shared files are mounted for several to read; their owner's group may.
	Shared bool
}

// Files judges who may read them, and who may change directories.
func Files(files []File) (r Report) {
	for _, f := range files {
		found := fmt.Sprintf("%s has mode %04o", f.Path, f.Mode.Perm())
		if f.Mode.IsDir() && f.Mode.Perm()&0o700 != 0o700 {
			r = append(r, warning("files", found, fmt.Sprintf("chmod 700 %s: its owner must be able to make files in it", f.Path)))
			continue
		}
		forbidden, mode, danger := fs.FileMode(0o077), "600", "others can read secrets in it"
		switch {
		case f.Mode.IsDir():
			forbidden, mode, danger = 0o022, "700", "others can put files of their own in place of those in it"
		case f.Shared:
			forbidden, mode = 0o007, "640"
		}
		r = append(r, expect(f.Mode.Perm()&forbidden == 0, "files", found,
			fmt.Sprintf("chmod %s %s: %s", mode, f.Path, danger)))
	}
	return r
}

// NoAccess is a directory of data that this user cannot use.
func NoAccess(dir string, err error) Finding {
	return failed("files", dir+": "+err.Error(), "run as the user who owns it, or make it writable for this one (chown, chmod): the service does not start")
}

// Space is what is left on a disk, in bytes.
type Space struct{ Free, Total uint64 }

const (
	mebi = 1 << 20
	gibi = 1 << 30
)

// Disk judges what is left where the data is; grows tells whether there is a
// database on it.
func Disk(dir string, s Space, grows bool) Finding {
	const check = "machine.disk"
	found := fmt.Sprintf("%.1f GiB of %.1f GiB free below %s", float64(s.Free)/gibi, float64(s.Total)/gibi, dir)
	switch {
	case s.Free < 64*mebi && grows:
		return failed(check, found, "make room: without it every refresh is refused with 503")
	case s.Free < gibi && grows || s.Free < 64*mebi:
		return warning(check, found, "make room")
	}
	return ok(check, found)
}

// fewFiles is a limit that a busy service meets: each client has a connection.
const fewFiles = 4096

// OpenFiles judges how many files and connections the process may have open.
func OpenFiles(limit uint64) Finding {
	return expect(limit >= fewFiles, "machine.open_files", fmt.Sprint(limit), "raise the limit (ulimit -n, LimitNOFILE): each client takes one")
}

// Clock judges how far this machine's clock is off the database's.
func Clock(off, most time.Duration) Finding {
	found := fmt.Sprintf("%s off the database's, at most %s is borne", off.Round(time.Millisecond), most)
	if off > most {
		return failed("clock", found, "NTP, on this machine or the database's: the service answers 503")
	}
	return ok("clock", found)
}
