package throwaway

import (
	"context"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy forwards connections to a server. It can delay, hang, lose or refuse
// them, or forward them to another server. It is safe for concurrent use.
type Proxy struct {
	addr     string
	requests atomic.Int64
	serving  sync.WaitGroup

	mu       sync.Mutex
	listener net.Listener // nil while it refuses connections
	target   string
	fault    fault
	conns    map[net.Conn]struct{}
	cuts     int // how often all connections were closed
}

// fault describes how a proxy treats the data that it forwards.
type fault struct {
	delay      time.Duration // of every answer
	hang       chan struct{} // not nil: nothing is forwarded until it is closed
	blackHole  bool          // requests are read and lost
	cutAnswers bool          // an answer closes its connection instead of arriving
	noAnswers  bool          // answers are read and lost
}

// OpenProxy starts a proxy in front of target, host:port. The caller closes it.
func OpenProxy(target string) (*Proxy, error) {
	p := &Proxy{addr: loopback + ":0", target: target, conns: make(map[net.Conn]struct{})}
	return p, p.Accept()
}

// NewProxy is [OpenProxy] for a test, which closes the proxy at its end.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	p, err := OpenProxy(target)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(p.Close)
	return p
}

// Close closes the proxy and all connections.
func (p *Proxy) Close() {
	p.Clean()
	p.Refuse()
	p.serving.Wait()
}

// Addr returns host:port, which stays the same.
func (p *Proxy) Addr() string { return p.addr }

// Requests returns how often a client has sent something: once for a command or
// a pipeline, so a difference is a number of round trips.
func (p *Proxy) Requests() int { return int(p.requests.Load()) }

// Delay makes every answer take longer by d.
func (p *Proxy) Delay(d time.Duration) { p.change(func(f *fault) { f.delay = d }) }

// Hang stops forwarding in both directions, while connections stay open and new
// ones are accepted. With false, everything that was sent meanwhile is forwarded.
func (p *Proxy) Hang(on bool) {
	p.change(func(f *fault) {
		switch {
		case on && f.hang == nil:
			f.hang = make(chan struct{})
		case !on && f.hang != nil:
			close(f.hang)
			f.hang = nil
		}
	})
}

// BlackHole reads all requests and forwards none.
func (p *Proxy) BlackHole() { p.change(func(f *fault) { f.blackHole = true }) }

// CutAnswers forwards requests, and closes the connection instead of forwarding
// the answer: the server does what was requested, and the client never learns it.
func (p *Proxy) CutAnswers() { p.change(func(f *fault) { f.cutAnswers = true }) }

// LoseAnswers reads and loses answers: the server gets every request, and its
// answers never arrive.
func (p *Proxy) LoseAnswers() { p.change(func(f *fault) { f.noAnswers = true }) }

// Clean undoes all faults. It closes all connections if something was lost on
// them.
func (p *Proxy) Clean() {
	p.Hang(false)
	p.mu.Lock()
	lost := p.fault.blackHole || p.fault.noAnswers
	p.fault = fault{}
	p.mu.Unlock()
	if lost {
		p.Cut()
	}
}

func (p *Proxy) change(f func(*fault)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f(&p.fault)
}

// Point forwards new connections to another server, and closes the others.
func (p *Proxy) Point(target string) {
	p.Redirect(target)
	p.Cut()
}

// Redirect forwards new connections to another server, and keeps the others.
func (p *Proxy) Redirect(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Cut closes all connections.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cuts++
	for c := range p.conns {
		_ = c.Close()
	}
}

// Refuse closes all connections and refuses new ones.
func (p *Proxy) Refuse() {
	p.mu.Lock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.mu.Unlock()
	p.Cut()
}

// Accept undoes Refuse.
func (p *Proxy) Accept() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		return nil
	}
	l, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", p.addr)
	if err != nil {
		return fmt.Errorf("listening as a proxy: %w", err)
	}
	p.listener, p.addr = l, l.Addr().String()
	p.serving.Go(func() { p.serve(l) })
	return nil
}

func (p *Proxy) serve(l net.Listener) {
	for {
		client, err := l.Accept()
		if err != nil {
			return
		}
		p.serving.Go(func() { p.join(client) })
	}
}

// join connects a client with the server until one of them closes.
func (p *Proxy) join(client net.Conn) {
	p.mu.Lock()
	target, cuts := p.target, p.cuts
	p.mu.Unlock()
	server, err := (&net.Dialer{Timeout: time.Second}).DialContext(context.Background(), "tcp", target)
	if err != nil {
		_ = client.Close()
		return
	}
	if !p.keep(cuts, client, server) {
		p.drop(client, server)
		return
	}
	p.serving.Go(func() {
		p.forward(client, server, func(f fault) (pass, open bool) {
			p.requests.Add(1)
			return !f.blackHole, true
		})
	})
	p.forward(server, client, func(f fault) (pass, open bool) {
		if f.delay > 0 {
			<-time.After(f.delay)
		}
		return !f.cutAnswers && !f.noAnswers, !f.cutAnswers
	})
}

// forward copies until either side is closed, and closes both. It asks check
// about each piece: whether to pass it on, and whether the connection stays open.
func (p *Proxy) forward(from, to net.Conn, check func(fault) (pass, open bool)) {
	defer p.drop(from, to)
	buf := make([]byte, 1<<16)
	for {
		n, err := from.Read(buf)
		if n > 0 {
			pass, open := check(p.current())
			if hang := p.current().hang; hang != nil {
				<-hang
			}
			if !open {
				return
			}
			if pass {
				if _, err := to.Write(buf[:n]); err != nil {
					return
				}
			}
		}
		if err != nil { // io.EOF or a cut
			return
		}
	}
}

func (p *Proxy) current() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// keep reports whether new connections may stay: not if all were closed since.
func (p *Proxy) keep(cuts int, conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.cuts != cuts || p.listener == nil {
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
