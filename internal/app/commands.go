package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"maps"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/cli"
	"rekey/internal/config"
	"rekey/internal/doctor"
	"rekey/internal/store"
	"rekey/internal/web"
)

// flushTimeout is how long the last lines of stdout and of stderr may each take to
// be written.
const flushTimeout = time.Second

// Standard holds the standard streams of a process.
type Standard struct {
	In       io.Reader
	Out, Err io.Writer
}

// Environment gives access to the variables of a process. Run sets those that
// it reads from .env, because libraries read settings of their own there.
type Environment struct {
	Get func(name string) string
	Set func(name, value string) error
	All func() []string // each as NAME=value
}

// commands implements what the command line calls, for one command.
type commands struct {
	env    Environment
	std    Standard
	now    func() time.Time
	common cli.Common
	file   envFile
}

// envFile is the file that variables were read from.
type envFile struct {
	path  string // empty: there is no file
	vars  map[string]string
	taken []string // the names that the environment did not set
}

func (f envFile) names() []string { return slices.Sorted(maps.Keys(f.vars)) }

// begin adds the variables of .env, or of the file in its place, to the
// environment.
func (c *commands) begin(common cli.Common) (err error) {
	c.common = common
	c.file.path, c.file.vars, err = config.ReadEnvFile(common.EnvFile, c.env.Get)
	if err != nil {
		return cli.Fail(cli.ExitConfiguration, err)
	}
	for _, name := range c.file.names() {
		if c.env.Get(name) != "" {
			continue
		}
		if err := c.env.Set(name, c.file.vars[name]); err != nil {
			return cli.Fail(cli.ExitConfiguration, fmt.Errorf("%s: %s: %w", c.file.path, name, err))
		}
		c.file.taken = append(c.file.taken, name)
	}
	return nil
}

// serve runs the service. What it prints goes through queues, because a stalled
// or closed stdout or stderr must not stop the service.
func (c *commands) serve(ctx context.Context) (err error) {
	signal.Ignore(syscall.SIGPIPE) // otherwise Go ends the process at a write to a closed stdout
	out := web.NewLogQueue(c.std.Out, web.ReportDropped(c.env.Get("LOG_FORMAT")))
	errs := web.NewLogQueue(c.std.Err, web.ReportDropped("text"))
	defer func() {
		err = cli.Report(errs, err, c.common.JSON)
		for _, q := range []*web.LogQueue{out, errs} {
			q.Close(flushTimeout)
		}
	}()
	return c.serveTo(ctx, out)
}

func (c *commands) serveTo(ctx context.Context, out *web.LogQueue) error {
	p, err := newProgram(c.env.Get, out, out)
	if err != nil {
		return err
	}
	p.droppedLines = out.Dropped
	slog.SetDefault(p.log) // libraries that use the log of the standard library would write to stderr
	if c.file.path != "" {
		p.log.Info("settings read from a file", "file", c.file.path, "names", c.file.taken)
	}
	for _, f := range doctor.FileNames(c.file.path, c.file.names(), cli.Nearest) {
		p.log.Warn("unknown setting in a file", "found", f.Found, "advice", *f.Advice)
	}
	return p.serve(ctx)
}

// program returns the program for a command. Its log goes to stderr, because
// stdout is the answer, which a script may read. It contains only problems, and
// which settings came from a file.
func (c *commands) program() (*program, error) {
	p, err := newProgram(c.env.Get, c.std.Out, c.std.Err)
	if err != nil {
		return nil, err
	}
	format, level := p.cfg.LogFormat, p.cfg.LogLevel
	if c.common.JSON {
		format = "json"
	}
	if len(c.file.taken) > 0 {
		web.NewLogger(c.std.Err, format, level).Info("settings read from a file", "file", c.file.path, "names", c.file.taken)
	}
	if level == slog.LevelInfo {
		level = slog.LevelWarn
	}
	p.log = web.NewLogger(c.std.Err, format, level)
	return p, nil
}

func (c *commands) migrate(ctx context.Context) (applied int, err error) {
	p, err := c.program()
	if err != nil {
		return 0, err
	}
	st, err := p.openStore(ctx, command)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, st.Close()) }()
	return st.Migrate(ctx)
}

// open opens the core for a command, next to a running server.
func (c *commands) open(ctx context.Context) (*app, error) {
	p, err := c.program()
	if err != nil {
		return nil, err
	}
	if err := p.requireDatabase(); err != nil {
		return nil, err
	}
	return p.open(ctx, command)
}

// requireDatabase returns an error if there is no SQLite file. Without it, a
// command in the wrong directory would create an empty database there.
func (p *program) requireDatabase() error {
	if p.cfg.DatabaseURL != "" {
		return nil
	}
	path, err := filepath.Abs(p.databasePath())
	if err != nil {
		return fmt.Errorf("finding the database: %w", err)
	}
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		return cli.Fail(cli.ExitConfiguration, fmt.Errorf("there is no database at %s: set DATA_DIR to where the server keeps its data, or DATABASE_URL", path))
	}
	return nil
}

// inUse sets the exit code for an address, file or database that another process
// uses, or that this process may not use.
func inUse(err error) error {
	const windowsAddressInUse = syscall.Errno(10048)
	switch {
	case errors.Is(err, store.ErrInUse), errors.Is(err, syscall.EADDRINUSE), runtime.GOOS == "windows" && errors.Is(err, windowsAddressInUse):
		return cli.Fail(cli.ExitConflict, err)
	case errors.Is(err, fs.ErrPermission), store.NotWritable(err), store.Refused(err):
		return cli.Fail(cli.ExitConfiguration, err)
	}
	return err
}

// lazyJoin joins the replicas before the first change that concerns them. Next
// to a server, joining takes seconds, during which the server does not trust its
// cache, and most commands change nothing that is cached.
type lazyJoin struct {
	*blacklist.Cache
	mu     sync.Mutex
	joined bool
}

// Invalidate joins the replicas and stores the invalidations. CodeUnavailable.
func (l *lazyJoin) Invalidate(ctx context.Context, changes ...auth.Invalidation) error {
	var err error
	l.mu.Lock()
	if !l.joined {
		err = l.Join(ctx)
		l.joined = err == nil
	}
	l.mu.Unlock()
	if err != nil {
		return auth.Unavailable(fmt.Errorf("joining the replicas: %w", auth.Cause(err)))
	}
	return l.Cache.Invalidate(ctx, changes...)
}
