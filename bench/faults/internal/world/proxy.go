package world

import (
	"context"
	"fmt"
	"strings"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

// Proxy is a TCP proxy that can be made bad.
type Proxy struct{ proxy *toxiproxy.Proxy }

// newProxy starts a proxy in front of upstream, host:port.
func newProxy(name, upstream string) (*Proxy, error) {
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.Nop())
	p := toxiproxy.NewProxy(server, name, "127.0.0.1:0", upstream)
	if err := p.Start(); err != nil {
		return nil, fmt.Errorf("starting the proxy %s: %w", name, err)
	}
	return &Proxy{proxy: p}, nil
}

// Addr is where the proxy listens; it stays the same.
func (p *Proxy) Addr() string { return p.proxy.Listen }

// Point ends all connections and leads new ones to another server.
func (p *Proxy) Point(upstream string) error {
	p.Refuse()
	return p.update(upstream)
}

// Refuse ends all connections and refuses new ones.
func (p *Proxy) Refuse() { p.proxy.Stop() }

// Accept undoes Refuse.
func (p *Proxy) Accept() error { return p.update(p.proxy.Upstream) }

func (p *Proxy) update(upstream string) error {
	if err := p.proxy.Update(&toxiproxy.Proxy{Listen: p.proxy.Listen, Upstream: upstream, Enabled: true}); err != nil {
		return fmt.Errorf("pointing the proxy %s: %w", p.proxy.Name, err)
	}
	return nil
}

// BlackHole takes everything and passes on nothing.
func (p *Proxy) BlackHole() error {
	return p.toxic(`{"type": "timeout", "stream": "upstream", "attributes": {"timeout": 0}}`)
}

// CutAnswers passes on what is asked, and ends the connection in place of
// each answer: what was asked for happens, and nobody is told.
func (p *Proxy) CutAnswers() error {
	return p.toxic(`{"type": "limit_data", "stream": "downstream", "attributes": {"bytes": 0}}`)
}

// Delay holds every answer back for so long.
func (p *Proxy) Delay(d time.Duration) error {
	return p.toxic(fmt.Sprintf(`{"type": "latency", "stream": "downstream", "attributes": {"latency": %d}}`, d.Milliseconds()))
}

func (p *Proxy) toxic(text string) error {
	if _, err := p.proxy.Toxics.AddToxicJson(strings.NewReader(text)); err != nil {
		return fmt.Errorf("making the proxy %s bad: %w", p.proxy.Name, err)
	}
	return nil
}

// Clean undoes everything but Refuse. Connections in a black hole end.
func (p *Proxy) Clean(ctx context.Context) { p.proxy.Toxics.ResetToxics(ctx) }

func (p *Proxy) close() { p.proxy.Stop() }
