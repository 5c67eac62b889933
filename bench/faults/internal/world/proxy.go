package world

import (
	"fmt"

	"rekey/internal/test/throwaway"
)

// Proxy is a TCP proxy that can be faulty.
type Proxy struct{ *throwaway.Proxy }

func newProxy(upstream string) (*Proxy, error) {
	p, err := throwaway.OpenProxy(upstream)
	if err != nil {
		return nil, fmt.Errorf("starting a proxy: %w", err)
	}
	return &Proxy{p}, nil
}

// Point closes all connections and forwards new ones to another server, even
// after Refuse.
func (p *Proxy) Point(upstream string) error {
	p.Proxy.Point(upstream)
	return p.Accept()
}
