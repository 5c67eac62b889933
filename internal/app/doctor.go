package app

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"rekey/internal/cli"
	"rekey/internal/config"
	"rekey/internal/doctor"
	"rekey/internal/fault"
	"rekey/internal/keyring"
	"rekey/internal/redispool"
	"rekey/internal/store"
	"rekey/internal/web"
)

// diagnoseRedisTimeout is longer than the timeout of a request, because doctor
// can wait.
const diagnoseRedisTimeout = time.Second

// diagnose runs doctor with the settings of the service, valid or not.
func (c *commands) diagnose(ctx context.Context) (doctor.Report, error) {
	faults, err := fault.New(c.env.Get)
	if err != nil {
		return nil, err
	}
	cfg, problems := config.Load(c.env.Get)
	p := &program{cfg: cfg, log: slog.New(slog.DiscardHandler), stdout: c.std.Out, now: faults.Clock(c.now), faults: faults}
	var names []string
	for _, variable := range c.env.All() {
		name, _, _ := strings.Cut(variable, "=")
		if _, inFile := c.file.vars[name]; !inFile {
			names = append(names, name)
		}
	}
	return doctor.Run(ctx, doctor.Options{
		Config: cfg, Problems: errors.Join(problems, checkNamed(cfg)),
		Getenv: c.env.Get, Names: names, EnvFile: c.file.path, EnvNames: c.file.names(), Nearest: cli.Nearest,
		Now: p.now, DatabaseFile: p.databasePath(), NoDatabase: p.requireDatabase(),
		OpenStore: func(ctx context.Context, readOnly bool) (*store.Store, error) {
			return store.Open(ctx, store.Options{
				URL: string(cfg.DatabaseURL), Path: p.databasePath(), ReadOnly: readOnly, Logger: p.log, DatabaseClock: p.databaseClock, MaxOpenConns: 2,
			})
		},
		NewRing: func(st *store.Store) (*keyring.Ring, error) { return p.newRing(st, "", nil) },
		OpenRedis: func() (*redispool.Pool, error) {
			return redispool.Open(redispool.Options{URL: string(cfg.RedisURL), Logger: p.log, Timeout: diagnoseRedisTimeout})
		},
		Samples: func(ctx context.Context) map[string]float64 { return samples(ctx, cfg.AdminAddress) },
	}), nil
}

// samples returns the metrics of the service at an admin address of this machine,
// or nil if it does not answer.
func samples(ctx context.Context, admin string) map[string]float64 {
	host, port, err := net.SplitHostPort(admin)
	if err != nil || port == "0" {
		return nil
	}
	text, err := web.Scrape(ctx, "http://"+net.JoinHostPort(probedHost(host), port)+web.MetricsPath)
	if err != nil {
		return nil // the other checks report a service that does not run
	}
	all := map[string]float64{}
	for line := range strings.Lines(text) {
		sample, value, found := strings.Cut(strings.TrimSpace(line), " ")
		if n, err := strconv.ParseFloat(value, 64); found && err == nil {
			all[sample] = n
		}
	}
	return all
}

// probe requests a path of the service that runs on this machine with these
// settings. It ignores invalid settings, which the service reports itself.
func probe(ctx context.Context, getenv func(string) string, path string) error {
	cfg, _ := config.Load(getenv)
	if cfg.Port == 0 {
		return errors.New("PORT must be the port that the service listens on")
	}
	return web.Probe(ctx, "http://"+net.JoinHostPort(probedHost(cfg.Host), strconv.Itoa(cfg.Port))+path)
}

// probedHost returns the host at which a service that listens on host can be
// reached from this machine.
func probedHost(host string) string {
	ip, err := netip.ParseAddr(host)
	if host == "" || err == nil && ip.IsUnspecified() {
		return "localhost" // IPv4 or IPv6
	}
	return host
}
