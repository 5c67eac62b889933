package app

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"strconv"

	"rekey/internal/config"
	"rekey/internal/web"
)

// probe asks the service that runs here, with these settings, how it is.
// Trouble with other settings is the service's own to tell.
func probe(ctx context.Context, getenv func(string) string, path string) error {
	cfg, _ := config.Load(getenv)
	if cfg.Port == 0 {
		return errors.New("PORT does not say where the service listens")
	}
	return web.Probe(ctx, "http://"+net.JoinHostPort(probedHost(cfg.Host), strconv.Itoa(cfg.Port))+path)
}

// probedHost is where a service that listens on host is reached from here.
func probedHost(host string) string {
	ip, err := netip.ParseAddr(host)
	if host == "" || err == nil && ip.IsUnspecified() {
		return "localhost" // by either protocol
	}
	return host
}
