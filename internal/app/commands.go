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
	"path/filepath"
	"slices"
	"sync"
	"syscall"
	"time"

	"rekey/internal/auth"
	"rekey/internal/blacklist"
	"rekey/internal/cli"
	"rekey/internal/config"
	"rekey/internal/doctor"
	"rekey/internal/keyring"
	"rekey/internal/store"
	"rekey/internal/web"
)

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

// commands opens what the command line asks for: one command a process.
type commands struct {
	env    Environment
	std    Standard
	now    func() time.Time
	common cli.Common
	file   envFile
}

// envFile is the file that variables came from, if there was one.
type envFile struct {
	path  string
	vars  map[string]string
	taken []string // names, which the environment did not have
}

func (f envFile) names() []string { return slices.Sorted(maps.Keys(f.vars)) }

// begin completes the environment from .env, or the file that is named.
func (c *commands) begin(common cli.Common) (err error) {
	c.common = common
	c.file.path, c.file.vars, err = config.ReadEnvFile(common.EnvFile)
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

// program is configured for a command: its log goes where it cannot spoil the
// answer, which may be for a script, and has no more than what is wrong. What
// was done stands in the journal, and in the answer.
func (c *commands) program() (*program, error) {
	p, err := newProgram(c.env.Get, c.std.Out, c.std.Err)
	if err != nil {
		return nil, err
	}
	format, level := p.cfg.LogFormat, p.cfg.LogLevel
	if c.common.JSON {
		format = "json"
	}
	if level == slog.LevelInfo {
		level = slog.LevelWarn
	}
	p.log = web.NewLogger(c.std.Err, format, level)
	return p, nil
}

func (c *commands) serve(ctx context.Context) error {
	p, err := newProgram(c.env.Get, c.std.Out, c.std.Out)
	if err != nil {
		return err
	}
	if c.file.path != "" {
		p.log.Info("settings were read from a file", "file", c.file.path, "names", c.file.taken)
	}
	for _, f := range doctor.FileNames(c.file.path, c.file.names()) {
		p.log.Warn("a name that is no setting", "found", f.Found, "advice", *f.Advice)
	}
	return p.serve(ctx)
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

// open opens the core beside whatever server runs.
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

func (c *commands) openCore(ctx context.Context) (*auth.Service, func() error, error) {
	a, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return a.core, a.close, nil
}

func (c *commands) openAPIKeys(ctx context.Context) (*auth.APIKeys, func() error, error) {
	a, err := c.open(ctx)
	if err != nil {
		return nil, nil, err
	}
	return a.streams.keys, a.close, nil
}

// openRing opens the ring for a command about keys.
func (c *commands) openRing(ctx context.Context) (_ *keyring.Ring, closeStore func() error, err error) {
	p, err := c.program()
	if err != nil {
		return nil, nil, err
	}
	if err := p.requireDatabase(); err != nil {
		return nil, nil, err
	}
	st, err := p.openStore(ctx, command)
	if err != nil {
		return nil, nil, err
	}
	_, err = st.Migrate(ctx)
	ring, ringErr := p.newRing(st, "", auth.LogEvents{Logger: p.log})
	if err := errors.Join(err, ringErr); err != nil {
		return nil, nil, errors.Join(err, st.Close())
	}
	return ring, st.Close, nil
}

// requireDatabase keeps a command that is run in the wrong directory from making
// a database there and finding nobody in it.
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

// inUse marks what another process has taken, and what this one may not touch.
func inUse(err error) error {
	switch {
	case errors.Is(err, store.ErrInUse), errors.Is(err, syscall.EADDRINUSE):
		return cli.Fail(cli.ExitConflict, err)
	case errors.Is(err, fs.ErrPermission), store.NotWritable(err), store.Refused(err):
		return cli.Fail(cli.ExitConfiguration, err)
	}
	return err
}

// lateJoiner joins the replicas when the first change that concerns them is
// about to be made: joining takes seconds beside a server, which stops trusting
// its cache meanwhile, and most commands change nothing that is cached.
type lateJoiner struct {
	*blacklist.Cache
	mu     sync.Mutex
	joined bool
}

// Invalidate is Cache's. CodeUnavailable.
func (l *lateJoiner) Invalidate(ctx context.Context, doubts ...auth.Invalidation) error {
	if err := l.join(ctx); err != nil {
		return auth.Unavailable(fmt.Errorf("joining the replicas: %w", auth.Cause(err)))
	}
	return l.Cache.Invalidate(ctx, doubts...)
}

func (l *lateJoiner) join(ctx context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.joined {
		return nil
	}
	err := l.Join(ctx)
	l.joined = err == nil
	return err
}
