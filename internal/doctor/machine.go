package doctor

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"rekey/internal/config"
)

// files checks who can read the files that contain secrets, and who can change
// the data directory.
func (o Options) files() (r Report) {
	if runtime.GOOS == "windows" {
		return nil // modes do not express permissions there
	}
	check := func(path string, shared bool) {
		if info, err := os.Stat(path); path != "" && err == nil {
			r = append(r, file(path, info.Mode(), shared))
		}
	}
	if dir := o.Config.DataDir; dir != "" {
		for _, path := range []string{dir, filepath.Join(dir, "master.key"), o.DatabaseFile, o.DatabaseFile + "-wal"} {
			check(path, false)
		}
	}
	c := o.Config
	for _, path := range []string{c.AccessPrivatePEMFile, c.RefreshPrivatePEMFile, c.RotationKeyFile, c.MasterKeyFile, o.EnvFile} {
		check(path, true)
	}
	for _, name := range config.SecretFiles() {
		check(o.Getenv(name), true)
	}
	return r
}

// file checks a mode. The group may read a shared file, such as a mounted
// secret.
func file(path string, mode fs.FileMode, shared bool) Finding {
	const check = "files"
	found := fmt.Sprintf("%s has mode %04o", path, mode.Perm())
	if mode.IsDir() && mode.Perm()&0o700 != 0o700 {
		return warning(check, found, fmt.Sprintf("chmod 700 %s: its owner must be able to create files in it", path))
	}
	forbidden, want, danger := fs.FileMode(0o077), "600", "others can read secrets in it"
	switch {
	case mode.IsDir():
		forbidden, want, danger = 0o022, "700", "others can replace the files in it"
	case shared:
		forbidden, want = 0o007, "640"
	}
	return expect(mode.Perm()&forbidden == 0, check, found, fmt.Sprintf("chmod %s %s: %s", want, path, danger))
}

func (o Options) machine() (r Report) {
	dir := o.Config.DataDir
	if free, total, err := diskSpace(dir); err == nil {
		r = append(r, disk(dir, free, total, o.Config.DatabaseURL == ""))
	}
	if err := accessible(dir, true); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r = append(r, failed("files", dir+": "+err.Error(),
			"run as the user who owns it, or make it writable for this user (chown, chmod): the service does not start"))
	}
	if limit, err := OpenFilesLimit(); err == nil {
		r = append(r, openFiles(limit, o.Config.MaxConnections))
	}
	return r
}

const (
	mebi = 1 << 20
	gibi = 1 << 30
)

// disk checks the free bytes below dir; database reports whether it contains the
// database.
func disk(dir string, free, total uint64, database bool) Finding {
	const check = "machine.disk"
	found := fmt.Sprintf("%.1f GiB of %.1f GiB free below %s", float64(free)/gibi, float64(total)/gibi, dir)
	switch {
	case free < 64*mebi && database:
		return failed(check, found, "free disk space: without it, every refresh fails with 503")
	case free < gibi && database || free < 64*mebi:
		return warning(check, found, "free disk space")
	}
	return ok(check, found)
}

// enoughFiles is a limit that a busy service does not reach. Each client has a
// connection.
const enoughFiles = 4096

func openFiles(limit uint64, connections int) Finding {
	enough := max(enoughFiles, connections/3*4) // databases and files need some too
	return expect(limit >= uint64(max(0, enough)), "machine.open_files", fmt.Sprint(limit), "raise the limit (ulimit -n, LimitNOFILE), or lower MAX_CONNECTIONS: each client needs one")
}

// clock checks how much this machine's clock differs from the database's.
func clock(difference, most time.Duration) Finding {
	found := fmt.Sprintf("differs from the database's by %s, at most %s is allowed", difference.Round(time.Millisecond), most)
	if difference > most {
		return failed("clock", found, "fix NTP on this machine or on the database's: the service answers 503")
	}
	return ok("clock", found)
}
