package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path/filepath"
	"time"

	"rekey/internal/auth"
	"rekey/internal/cli"
	"rekey/internal/config"
	"rekey/internal/fault"
	"rekey/internal/keyring"
	"rekey/internal/redispool"
	"rekey/internal/store"
	"rekey/internal/web"
)

// Run runs one command line, without the name of the program, and returns the
// exit code of the process. Without a command it serves until ctx ends.
func Run(ctx context.Context, args []string, env Environment, std Standard) int {
	c := &commands{env: env, std: std, now: time.Now}
	return cli.Run(ctx, args, cli.Program{
		Begin: c.begin, Serve: c.serve, Migrate: c.migrate, Open: c.openCore, OpenAPIKeys: c.openAPIKeys, OpenRing: c.openRing, Examine: c.examine,
		Probe: func(ctx context.Context, path string) error { return probe(ctx, env.Get, path) },
		In:    std.In, Out: std.Out, Err: std.Err,
	})
}

// program is one configured process.
type program struct {
	cfg    config.Config
	log    *slog.Logger
	stdout io.Writer
	now    func() time.Time
	// databaseClock replaces the database's clock by a SQL expression; tests do.
	databaseClock string
	ticks         <-chan time.Time // replaces the seconds of streams; tests do
	// changeCore changes the options of the core; tests do.
	changeCore func(*auth.Options)
	faults     fault.Injector // empty but in builds that are to fail
}

func newProgram(getenv func(string) string, stdout, logs io.Writer) (*program, error) {
	cfg, err := config.Load(getenv)
	if err := errors.Join(err, checkNamed(cfg)); err != nil {
		return nil, cli.Fail(cli.ExitConfiguration, fmt.Errorf("the configuration cannot work:\n%w", err))
	}
	faults, err := fault.New(getenv)
	if err != nil {
		return nil, err
	}
	return &program{
		cfg: cfg, log: web.NewLogger(logs, cfg.LogFormat, cfg.LogLevel), stdout: stdout,
		now: faults.Clock(time.Now), faults: faults,
	}, nil
}

// checkNamed looks at what settings name as the rooms will that use it, so that
// every problem is told at once and before anything is made.
func checkNamed(cfg config.Config) error {
	return errors.Join(keyFiles(cfg).Check(), masterKey(cfg).Check(), store.CheckURL(string(cfg.DatabaseURL)), redispool.CheckURL(string(cfg.RedisURL)))
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
	a, err := p.open(ctx, server)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, a.close()) }()
	defer keepSpare()()
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", p.cfg.Address())
	if err != nil {
		return inUse(fmt.Errorf("listening: %w", err))
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

// announce tells people where the service answers, and the log what began.
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
		cli.Banner(a.stdout, cli.Place{Base: base, Data: a.cfg.DataDir, Explorer: a.cfg.Explorer, Metrics: metrics})
	}
	build := cli.ThisBuild()
	a.log.Info("ready", "version", build.Version, "commit", build.CommitText(), "address", l.Addr().String(),
		"engine", a.store.Dialect(), "redis", a.redis != nil, "data_dir", data,
		"graphql", base+graphqlPath, "rest", base+refreshPath, "health", base+readyPath, "metrics", metrics)
	return nil
}
