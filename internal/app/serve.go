package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"syscall"
	"time"

	"rekey/graph"
	"rekey/internal/auth"
	"rekey/internal/cli"
	"rekey/internal/config"
	"rekey/internal/fault"
	"rekey/internal/keyring"
	"rekey/internal/licenses"
	"rekey/internal/redispool"
	"rekey/internal/store"
	"rekey/internal/web"
)

// Run runs one command line, without the name of the program, and returns the
// exit code of the process. Without a command it serves until ctx ends.
func Run(ctx context.Context, args []string, env Environment, std Standard) int {
	c := &commands{env: env, std: std, now: time.Now}
	return cli.Run(ctx, args, cli.Program{
		Begin: c.begin, Serve: c.serve, Migrate: c.migrate, Diagnose: c.diagnose,
		Open: func(ctx context.Context) (cli.Opened, error) {
			a, err := c.open(ctx)
			if err != nil {
				return cli.Opened{}, err
			}
			return cli.Opened{Core: a.core, APIKeys: a.streams.keys, Ring: a.ring, Close: a.close}, nil
		},
		Probe:       func(ctx context.Context, path string) error { return probe(ctx, env.Get, path) },
		PreviewMail: c.previewMail,
		Schema:      graph.SDL, Licenses: licenses.Text,
		In: std.In, Out: std.Out, Err: std.Err,
	})
}

// program is one configured process.
type program struct {
	cfg    config.Config
	getenv func(string) string // settings from files may change
	log    *slog.Logger
	stdout io.Writer
	now    func() time.Time
	// databaseClock is a SQL expression that replaces the database's clock in tests.
	databaseClock   string
	ticks           <-chan time.Time // replaces the one-second ticker of streams in tests
	breachedTimeout time.Duration    // 0: the default; tests set another
	// changeCore changes the options of the core; tests do.
	changeCore func(*auth.Options)
	faults     fault.Injector // empty except in builds with failpoints
	// droppedLines returns how many lines of the log were dropped. It is nil if
	// the log is written directly.
	droppedLines func() uint64
}

func newProgram(getenv func(string) string, stdout, logs io.Writer) (*program, error) {
	cfg, err := config.Load(getenv)
	if err := errors.Join(err, checkNamed(cfg)); err != nil {
		return nil, cli.Fail(cli.ExitConfiguration, fmt.Errorf("the configuration is invalid:\n%w", err))
	}
	faults, err := fault.New(getenv)
	if err != nil {
		return nil, err
	}
	return &program{
		cfg: cfg, getenv: getenv, log: web.NewLogger(logs, cfg.LogFormat, cfg.LogLevel), stdout: stdout,
		now: faults.Clock(time.Now), faults: faults,
	}, nil
}

// checkNamed lets the packages check what settings name, such as key files, so
// that the start reports every problem before it creates anything.
func checkNamed(cfg config.Config) error {
	return errors.Join(keyFiles(cfg).Check(), masterKey(cfg).Check(), store.CheckURL(string(cfg.DatabaseURL)), redispool.CheckURL(string(cfg.RedisURL)),
		checkBreachedFile(cfg))
}

func masterKey(cfg config.Config) keyring.MasterKey {
	return keyring.MasterKey{Key: string(cfg.MasterKey), Previous: string(cfg.MasterKeyPrevious), File: cfg.MasterKeyFile}
}

func keyFiles(cfg config.Config) keyring.Files {
	return keyring.Files{
		Rotation:      cfg.RotationKeyFile,
		AccessPrivate: cfg.AccessPrivatePEMFile, AccessVerify: cfg.AccessVerifyPEMFiles,
		RefreshPrivate: cfg.RefreshPrivatePEMFile, RefreshVerify: cfg.RefreshVerifyPEMFiles,
	}
}

// serve runs the service until ctx ends.
func (p *program) serve(ctx context.Context) (err error) {
	l, err := p.anyPort(ctx)
	if err != nil {
		return cannotListen("HOST", fmt.Errorf("listening on HOST: %w", err))
	}
	a, err := p.open(ctx, server)
	if err != nil {
		if l != nil {
			err = errors.Join(err, l.Close())
		}
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	p.warnOfKeyAge()
	defer gcBallast()()
	listener, err := a.listen(ctx, l)
	if err != nil {
		return cannotListen("HOST", fmt.Errorf("listening on HOST and PORT: %w", err))
	}
	if err := p.faults.Start(ctx); err != nil {
		return err
	}
	defer a.keepUp(context.WithoutCancel(ctx))()
	adminAddr, stopAdmin, err := a.serveAdmin(ctx)
	if err != nil {
		return err
	}
	defer stopAdmin()
	if err := a.announce(listener, adminAddr); err != nil {
		return err
	}
	ctx, cancel := a.drain.after(ctx, p.cfg.ShutdownDelay)
	defer cancel()
	err = web.Serve(ctx, listener, a.server(a.handler()), p.cfg.ShutdownTimeout)
	a.streams.drain(context.WithoutCancel(ctx))
	p.log.Info("stopped")
	return err
}

// announce prints where the service can be reached, and logs what started.
// adminAddr may be nil.
func (a *app) announce(l net.Listener, adminAddr net.Addr) error {
	base, metrics := cli.BaseURL(a.cfg.Host, l.Addr()), ""
	if adminAddr != nil {
		metrics = "http://" + adminAddr.String() + web.MetricsPath
	}
	data, err := filepath.Abs(a.cfg.DataDir)
	if err != nil {
		return fmt.Errorf("finding DATA_DIR: %w", err)
	}
	if a.cfg.LogFormat != "json" {
		cli.Banner(a.stdout, cli.Place{
			Base: base, Data: a.cfg.DataDir, Explorer: a.cfg.Explorer, Production: a.cfg.Environment == config.Production, Metrics: metrics,
		})
	}
	build := cli.ThisBuild()
	a.log.Info("ready", "version", build.Version, "commit", build.CommitText(), "address", l.Addr().String(),
		"engine", a.store.Dialect(), "redis_configured", a.redis != nil, "data_dir", data, "max_connections", a.connections.Max(),
		"graphql", base+graphqlPath, "rest", base+refreshPath, "health", base+readyPath, "metrics", metrics)
	return nil
}

// drain stops a server in two steps: first /readyz reports that it shuts down,
// so that load balancers send no more requests, and later it stops accepting
// connections.
type drain struct{ started atomic.Bool }

// after returns a context that ends delay after ctx.
func (d *drain) after(ctx context.Context, delay time.Duration) (context.Context, context.CancelFunc) {
	later, cancel := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		d.started.Store(true)
		time.AfterFunc(delay, cancel)
	})
	return later, cancel
}

// check fails once the server drains.
func (d *drain) check(context.Context) error {
	if d.started.Load() {
		return web.NotReady("shutting down")
	}
	return nil
}

// ballastBytes is added to the live heap, which is about five megabytes. The
// garbage collector runs when the heap has doubled, which would be fifty times a
// second under load. The ballast is never touched, so it uses no memory.
const ballastBytes = 6 << 20

// gcBallast keeps the ballast alive until the returned function is called.
func gcBallast() (release func()) {
	ballast := make([]byte, ballastBytes)
	return func() { runtime.KeepAlive(ballast) }
}

// cannotListen adds to an error of listening which setting has an address that
// this machine does not have.
func cannotListen(setting string, err error) error {
	if errors.As(err, new(*net.DNSError)) || errors.Is(err, syscall.EADDRNOTAVAIL) {
		return cli.Fail(cli.ExitConfiguration, fmt.Errorf("%s: must be an address of this machine: %w", setting, err))
	}
	return inUse(err)
}
