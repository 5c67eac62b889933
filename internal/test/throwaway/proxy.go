package throwaway

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands between clients and a server, and can be slow, hang, or lead to
// another server. It is safe for concurrent use.
type Proxy struct {
	listener net.Listener
	requests atomic.Int64

	mu     sync.Mutex
	target string
	delay  time.Duration
	hang   chan struct{}         // not nil: nothing passes until it is closed
	conns  map[net.Conn]struct{} // nil after the end
}

// NewProxy starts a proxy in front of target, host:port, and ends it after the
// test.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", loopback+":0")
	if err != nil {
		tb.Fatalf("throwaway proxy: %v", err)
	}
	p := &Proxy{listener: l, target: target, conns: make(map[net.Conn]struct{})}
	var wg sync.WaitGroup
	wg.Go(func() { p.serve(&wg) })
	tb.Cleanup(func() {
		_ = l.Close()
		p.Hang(false)
		p.end()
		wg.Wait()
	})
	return p
}

// Addr returns host:port.
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// Requests returns how often a client has sent something: one for a command or
// a pipeline, so the difference is a number of round trips.
func (p *Proxy) Requests() int { return int(p.requests.Load()) }

// Delay makes every answer take longer by d.
func (p *Proxy) Delay(d time.Duration) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.delay = d
}

// Hang lets nothing pass, in either direction, while connections stay and new
// ones are taken; false lets everything pass that has been sent meanwhile.
func (p *Proxy) Hang(on bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case on && p.hang == nil:
		p.hang = make(chan struct{})
	case !on && p.hang != nil:
		close(p.hang)
		p.hang = nil
	}
}

// Point leads new connections to another server, and cuts the others.
func (p *Proxy) Point(target string) {
	p.mu.Lock()
	p.target = target
	p.mu.Unlock()
	p.Cut()
}

// Cut closes all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
}

func (p *Proxy) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for c := range p.conns {
		_ = c.Close()
	}
	p.conns = nil
}

func (p *Proxy) serve(wg *sync.WaitGroup) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		wg.Go(func() { p.join(wg, client) })
	}
}

// join connects a client with the server, until one of them has had enough.
func (p *Proxy) join(wg *sync.WaitGroup, client net.Conn) {
	p.mu.Lock()
	target := p.target
	p.mu.Unlock()
	server, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", target)
	if err != nil {
		_ = client.Close()
		return
	}
	if !p.keep(client, server) {
		p.drop(client, server)
		return
	}
	wg.Go(func() { p.pass(client, server, func() { p.requests.Add(1) }) })
	p.pass(server, client, p.pause)
}

// pass copies until either side is closed, and closes both. before is called
// with each piece that arrives.
func (p *Proxy) pass(from, to net.Conn, before func()) {
	defer p.drop(from, to)
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			before()
			p.wait()
			if _, err := to.Write(buf[:n]); err != nil {
				return
			}
		}
		if err != nil { // io.EOF or a cut
			return
		}
	}
}

func (p *Proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.conns == nil {
		return false
	}
	for _, c := range conns {
		p.conns[c] = struct{}{}
	}
	return true
}

func (p *Proxy) drop(conns ...net.Conn) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		delete(p.conns, c)
	}
}

// wait returns when nothing hangs.
func (p *Proxy) wait() {
	p.mu.Lock()
	hang := p.hang
	p.mu.Unlock()
	if hang != nil {
		<-hang
	}
}

// pause takes as long as an answer is to be delayed.
func (p *Proxy) pause() {
	p.mu.Lock()
	d := p.delay
	p.mu.Unlock()
	if d > 0 {
		<-time.After(d)
	}
}
