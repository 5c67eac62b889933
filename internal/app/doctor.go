package app

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"rekey/internal/auth"
	"rekey/internal/config"
	"rekey/internal/doctor"
	"rekey/internal/fault"
	"rekey/internal/redispool"
	"rekey/internal/store"
)

// redisPatience is what a doctor gives a node that a request would not wait for.
const redisPatience = time.Second

// examine looks at everything that the service stands on, and changes nothing:
// it may run beside the service, and when nothing else runs. What cannot be
// reached keeps nothing else from being looked at.
func (c *commands) examine(ctx context.Context) (doctor.Report, error) {
	faults, err := fault.New(c.env.Get)
	if err != nil {
		return nil, err
	}
	cfg, problems := config.Load(c.env.Get)
	p := &program{cfg: cfg, log: slog.New(slog.DiscardHandler), stdout: c.std.Out, now: faults.Clock(c.now), faults: faults}
	r := doctor.Settings(cfg, errors.Join(problems, checkNamed(cfg)), c.doctorEnvironment())
	r = append(r, doctor.Files(c.privateFiles(cfg))...)
	r = append(r, p.examineMachine()...)
	if problems == nil || cfg.DatabaseURL != "" || c.unset("DATABASE_URL", "DATA_DIR") {
		r = append(r, p.examineDatabase(ctx)...)
	}
	if cfg.RedisURL != "" {
		r = append(r, p.examineRedis(ctx)...)
	}
	return r, nil
}

// unset reports whether none of the settings is given, nor as a file: what was
// given and is wrong must not be taken for the default.
func (c *commands) unset(names ...string) bool {
	return !slices.ContainsFunc(names, func(name string) bool { return c.env.Get(name) != "" || c.env.Get(name+"_FILE") != "" })
}

func (c *commands) doctorEnvironment() doctor.Environment {
	env := doctor.Environment{File: c.file.path, FileNames: c.file.names()}
	for _, variable := range c.env.All() {
		name, _, _ := strings.Cut(variable, "=")
		if _, inFile := c.file.vars[name]; !inFile {
			env.Names = append(env.Names, name)
		}
	}
	addrs, err := net.InterfaceAddrs()
	if err != nil {
		return env // whether ADMIN_ADDR is public is then not known
	}
	for _, a := range addrs {
		if prefix, err := netip.ParsePrefix(a.String()); err == nil {
			env.Addresses = append(env.Addresses, prefix.Addr())
		}
	}
	return env
}

// privateFiles are those that there are of all that hold something secret.
func (c *commands) privateFiles(cfg config.Config) (files []doctor.File) {
	own := []string{cfg.DataDir, filepath.Join(cfg.DataDir, "master.key"), filepath.Join(cfg.DataDir, "rekey.db"), filepath.Join(cfg.DataDir, "rekey.db-wal")}
	shared := []string{cfg.AccessPrivatePEMFile, cfg.RefreshPrivatePEMFile, cfg.RotationKeyFile, cfg.MasterKeyFile, c.file.path}
	for _, name := range config.SecretFiles() {
		shared = append(shared, c.env.Get(name))
	}
	add := func(path string, isShared bool) {
		if info, err := os.Stat(path); path != "" && err == nil {
			files = append(files, doctor.File{Path: path, Mode: info.Mode(), Shared: isShared})
		}
	}
	for _, path := range own {
		add(path, false)
	}
	for _, path := range shared {
		add(path, true)
	}
	return files
}

func (p *program) examineMachine() (r doctor.Report) {
	var disk unix.Statfs_t
	if err := unix.Statfs(p.cfg.DataDir, &disk); err == nil {
		size := uint64(disk.Bsize)                                                 //nolint:gosec // no disk has blocks of a negative size
		space := doctor.Space{Free: disk.Bavail * size, Total: disk.Blocks * size} //nolint:unconvert // not the same type on every system
		r = append(r, doctor.Disk(p.cfg.DataDir, space, p.cfg.DatabaseURL == ""))
	}
	if err := unix.Access(p.cfg.DataDir, unix.R_OK|unix.W_OK|unix.X_OK); err != nil && !errors.Is(err, fs.ErrNotExist) {
		r = append(r, doctor.NoAccess(p.cfg.DataDir, err))
	}
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err == nil {
		r = append(r, doctor.OpenFiles(files.Cur))
	}
	return r
}

func (p *program) examineDatabase(ctx context.Context) doctor.Report {
	if err := p.requireDatabase(); err != nil {
		return doctor.Report{doctor.NoDatabase(err)}
	}
	if path := p.databasePath(); p.cfg.DatabaseURL == "" {
		if err := unix.Access(path, unix.R_OK|unix.W_OK); err != nil { // SQLite would say "out of memory"
			return doctor.Report{doctor.Unreachable(&fs.PathError{Op: "open", Path: path, Err: err})}
		}
	}
	st, err := store.Open(ctx, store.Options{
		URL: string(p.cfg.DatabaseURL), Path: p.databasePath(), ReadOnly: true, Logger: p.log, DatabaseClock: p.databaseClock, MaxOpenConns: 2,
	})
	if err != nil {
		return doctor.Report{doctor.Unreachable(auth.Cause(err))}
	}
	defer func() { _ = st.Close() }() // nothing was written
	facts, err := st.Facts(ctx)
	if err != nil {
		return doctor.Report{doctor.Unreachable(auth.Cause(err))}
	}
	r := doctor.Database(st.Dialect(), facts, p.cfg.DatabaseMaxConns)
	if st.Dialect() == store.SQLite {
		r = append(r, p.examineOwner()...)
	}
	before := p.now()
	at, err := st.Now(ctx)
	if err != nil {
		return append(r, doctor.Unreachable(auth.Cause(err)))
	}
	off := auth.ClockDistance(before, p.now(), at)
	r = append(r, doctor.Clock(off, auth.MaxClockDistance(p.cfg.ClockLeeway)))
	return append(r, p.examineKeys(ctx, st, facts)...)
}

// examineOwner says whether a server has the file.
func (p *program) examineOwner() doctor.Report {
	taken, err := store.InUse(p.databasePath())
	if err != nil {
		return doctor.Report{doctor.Unreachable(err)}
	}
	return doctor.Report{doctor.Owner(taken)}
}

func (p *program) examineKeys(ctx context.Context, st *store.Store, facts store.Facts) doctor.Report {
	if facts.Schema < facts.Newest {
		return nil // there may be no table of them
	}
	ring, err := p.newRing(st, "", nil)
	if err != nil {
		return nil // told with the settings
	}
	keys, err := ring.Diagnose(ctx)
	return doctor.Keys(keys, auth.Cause(err), p.cfg.KeyRotation, p.now())
}

func (p *program) examineRedis(ctx context.Context) doctor.Report {
	pool, err := redispool.Open(redispool.Options{URL: string(p.cfg.RedisURL), Logger: p.log, Timeout: redisPatience})
	if err != nil {
		return nil // told with the settings
	}
	defer func() { _ = pool.Close() }() // nothing was written
	nodes, err := pool.Nodes(ctx)
	return doctor.Redis(redispool.Kind(string(p.cfg.RedisURL)), nodes, err)
}
