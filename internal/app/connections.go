package app

import (
	"context"
	"net"
	"os"

	"rekey/compat"
	"rekey/internal/graphqlhttp"
	"rekey/internal/web"
)

// openConnections creates the limits on the connections of clients.
func (a *app) openConnections() {
	maximum := a.cfg.MaxConnections
	if maximum == 0 {
		maximum = defaultConnections(os.DirFS("/"))
	}
	a.connections = web.NewConnections(web.ConnectionOptions{
		Max: maximum, Proxies: a.cfg.TrustedProxies,
		Health:      func(path string) bool { return path == livePath || path == readyPath },
		RenderError: compat.RenderError, Log: a.log, Now: a.now,
	})
}

// streamLimits returns the limits of streams. Streams, and sockets that have not
// authenticated, leave connections for requests.
func (a *app) streamLimits() graphqlhttp.StreamLimits {
	limits := graphqlhttp.DefaultStreamLimits()
	if a.connections != nil {
		limits.Connections = min(limits.Connections, max(1, a.connections.Max()/2))
		limits.Pending = min(limits.Pending, max(1, a.connections.Max()/8))
	}
	return limits
}

// anyPort listens on a free port with PORT=0, and stores the port in the
// configuration: links in mails may contain it. Otherwise it returns nil, and the
// service listens once it is ready.
func (p *program) anyPort(ctx context.Context) (net.Listener, error) {
	if p.cfg.Port != 0 {
		return nil, nil
	}
	l, err := new(net.ListenConfig).Listen(ctx, "tcp", p.cfg.Address())
	if err == nil {
		p.cfg.Port = l.Addr().(*net.TCPAddr).Port
	}
	return l, err
}

// listen returns the listener for clients. l is what anyPort returned.
func (a *app) listen(ctx context.Context, l net.Listener) (_ net.Listener, err error) {
	if l == nil {
		if l, err = new(net.ListenConfig).Listen(ctx, "tcp", a.cfg.Address()); err != nil {
			return nil, err
		}
	}
	return a.connections.Listen(l.(*net.TCPListener)), nil
}

func (a *app) exportConnections() {
	m := a.metrics
	m.Gauge("rekey_http_connections_max", "Maximum number of connections of clients.", a.connections.Max)
	m.Gauges("rekey_http_connections", "Connections of clients: busy, or waiting for the client to send a request.", []string{"state"}, func(emit func(float64, ...string)) {
		counts := a.connections.Counts()
		emit(float64(counts.Busy), "busy")
		emit(float64(counts.Waiting), "waiting")
	})
	m.Counters("rekey_http_connections_closed_total", "Connections that were closed while they waited for a request, so that a new one can be accepted.", []string{"limit"}, func(emit func(float64, ...string)) {
		counts := a.connections.Counts()
		emit(float64(counts.ClosedAll), "all")
		emit(float64(counts.ClosedNetwork), "network")
	})
	m.Counters("rekey_http_connections_refused_total", "Connections that were refused.", []string{"limit"}, func(emit func(float64, ...string)) {
		counts := a.connections.Counts()
		emit(float64(counts.RefusedAll), "all")
		emit(float64(counts.RefusedNetwork), "network")
	})
}
