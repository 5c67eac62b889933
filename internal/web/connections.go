package web

import (
	"cmp"
	"container/list"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"rekey/internal/auth"
)

const (
	// networkShare is the part of all connections that one network may have.
	networkShare = 4
	// spareConnections are accepted beyond the maximum, to answer health checks and
	// to refuse other requests with 503.
	spareConnections = 64
	// stuckAfter is how long a client may not read its answer before its connection
	// can be closed for another one. Answers fit into the buffers of the system.
	stuckAfter = time.Second
	// refusalsLoggedEvery is how often refused connections are logged.
	refusalsLoggedEvery = time.Minute
)

// ConnectionOptions configure Connections.
type ConnectionOptions struct {
	// Max is the maximum number of connections.
	Max int
	// Proxies may have any share of them, because their connections are those of
	// many clients.
	Proxies Proxies
	// Health reports whether a path is answered however many connections there are.
	Health func(path string) bool
	// RenderError writes the 503 for other paths.
	RenderError RenderError
	Log         *slog.Logger
	Now         func() time.Time
}

// Connections limits the connections of a server: in all, and for each network
// as rate limits know it (an IPv4 address, or the /64 of an IPv6 address). At a
// limit, it closes the connection that has waited longest for its client to send
// a request, or else the one whose client has not read its answer for longest. If
// there is none, it refuses the new one. A stranger who opens many connections
// therefore keeps nobody out: those that send nothing are closed first, whether
// they are new, in the middle of a request, or kept open after an answer.
type Connections struct {
	o     ConnectionOptions
	share int // of a network

	mu       sync.Mutex
	open     int // without spares
	spares   int
	networks map[string]*network
	// The connections that wait for a request. The first one waits longest.
	clients, proxies, spare list.List
	writing                 list.List // the connections that send, the first one for longest
	counts                  ConnectionCounts
	loggedAt                time.Time // of the last refusal in the log
}

// network is a network that has connections.
type network struct {
	open    int
	waiting list.List
}

// ConnectionCounts are the current connections, and those that a limit closed or
// refused since the start: that on all connections, or that on one network's.
type ConnectionCounts struct {
	Busy, Waiting              int
	ClosedAll, ClosedNetwork   uint64
	RefusedAll, RefusedNetwork uint64
}

// NewConnections returns limits for one server, which must be set up by Listen,
// Watch and Handler.
func NewConnections(o ConnectionOptions) *Connections {
	return &Connections{o: o, share: max(1, o.Max/networkShare), networks: map[string]*network{}}
}

// Counts returns the current counts.
func (c *Connections) Counts() ConnectionCounts {
	c.mu.Lock()
	defer c.mu.Unlock()
	counts := c.counts
	counts.Waiting = c.clients.Len() + c.proxies.Len()
	counts.Busy = c.open - counts.Waiting
	return counts
}

// Max returns the maximum number of connections.
func (c *Connections) Max() int { return c.o.Max }

// Listen returns a listener that accepts within the limits.
func (c *Connections) Listen(l *net.TCPListener) net.Listener { return &limitedListener{l, c} }

// Watch makes a server report which of its connections wait for a request.
func (c *Connections) Watch(server *http.Server) {
	server.ConnState = func(nc net.Conn, state http.ConnState) {
		if one, ok := nc.(*conn); ok && state == http.StateIdle {
			c.setWaiting(one, true)
		}
	}
	server.ConnContext = func(ctx context.Context, nc net.Conn) context.Context {
		return context.WithValue(ctx, connKey{}, nc)
	}
}

type connKey struct{}

// Handler wraps the handler of all requests. A connection is busy from the end of
// a request, including its body, until the end of the answer.
func (c *Connections) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		one, ok := r.Context().Value(connKey{}).(*conn)
		if !ok {
			next.ServeHTTP(w, r)
			return
		}
		if one.spare {
			w.Header().Set("Connection", "close")
			if !c.o.Health(r.URL.EscapedPath()) {
				c.mu.Lock()
				c.refuse(&c.counts.RefusedAll, "all")
				c.mu.Unlock()
				c.o.RenderError(w, r, auth.AsError(auth.Unavailable(errTooManyConnections)))
				return
			}
		}
		if r.ContentLength == 0 {
			c.setWaiting(one, false)
		} else {
			r.Body = &watchedBody{r.Body, func() { c.setWaiting(one, false) }}
		}
		next.ServeHTTP(w, r)
	})
}

var errTooManyConnections = errors.New("too many connections")

// watchedBody is a body that reports its end.
type watchedBody struct {
	io.ReadCloser
	end func()
}

// Read implements io.Reader.
func (b *watchedBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.end()
	}
	return n, err
}

// limitedListener accepts connections within limits.
type limitedListener struct {
	*net.TCPListener
	of *Connections
}

// Accept implements net.Listener. It closes connections that are refused.
func (l *limitedListener) Accept() (net.Conn, error) {
	for {
		tcp, err := l.AcceptTCP()
		if err != nil {
			return nil, err
		}
		accepted, evicted := l.of.add(tcp)
		if evicted != nil {
			_ = evicted.TCPConn.Close() // the server sees the error and ends its goroutine
		}
		if accepted != nil {
			return accepted, nil
		}
		_ = tcp.Close() // it was refused
	}
}

// conn is a connection that is counted until it is closed.
type conn struct {
	*net.TCPConn // with its CloseWrite, which net/http uses
	of           *Connections
	network      string // its key; empty for a trusted proxy
	spare        bool

	// Guarded by Connections.mu.
	removed          bool
	inAll, inNetwork *list.Element // nil unless it waits for a request
	inWriting        *list.Element // nil unless it sends
	writingSince     time.Time
}

// Close implements net.Conn.
func (c *conn) Close() error {
	c.of.mu.Lock()
	c.of.remove(c)
	c.of.mu.Unlock()
	return c.TCPConn.Close()
}

// Write implements net.Conn.
func (c *conn) Write(p []byte) (int, error) {
	now := c.of.o.Now()
	c.of.mu.Lock()
	if c.inWriting == nil && !c.removed && !c.spare {
		c.inWriting, c.writingSince = c.of.writing.PushBack(c), now
	}
	c.of.mu.Unlock()
	n, err := c.TCPConn.Write(p)
	c.of.mu.Lock()
	c.of.stopWriting(c)
	c.of.mu.Unlock()
	return n, err
}

// add counts a new connection, or returns nil if it is refused. The caller closes
// the connection that is closed for it, if there is one.
func (c *Connections) add(tcp *net.TCPConn) (accepted, evicted *conn) {
	one := &conn{TCPConn: tcp, of: c}
	if addr := addressOf(tcp); !c.o.Proxies.trusts(addr) {
		one.network = auth.AddressKey(addr.String())
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch n := c.networks[one.network]; {
	case n != nil && n.open >= c.share:
		if evicted = first(&n.waiting); evicted == nil {
			c.refuse(&c.counts.RefusedNetwork, one.network)
			return nil, nil
		}
		c.counts.ClosedNetwork++
	case c.open >= c.o.Max:
		if evicted = cmp.Or(first(&c.clients), first(&c.proxies), c.stuck()); evicted != nil {
			c.counts.ClosedAll++
			break
		}
		one.spare, one.network = true, ""
		if c.spares < spareConnections {
			break
		}
		if evicted = first(&c.spare); evicted == nil {
			c.refuse(&c.counts.RefusedAll, "all")
			return nil, nil
		}
	}
	if evicted != nil {
		c.remove(evicted)
	}
	c.insert(one)
	return one, evicted
}

func first(waiting *list.List) *conn {
	if waiting.Len() == 0 {
		return nil
	}
	return waiting.Front().Value.(*conn)
}

// stuck returns the connection that has been sending for longest, if that is long
// enough. The caller holds the lock.
func (c *Connections) stuck() *conn {
	if one := first(&c.writing); one != nil && c.o.Now().Sub(one.writingSince) >= stuckAfter {
		return one
	}
	return nil
}

// setWaiting records whether a connection waits for a request of its client.
func (c *Connections) setWaiting(one *conn, waiting bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if waiting {
		c.wait(one)
	} else {
		c.stopWaiting(one)
	}
}

// The callers of the following methods hold the lock.

// refuse counts and logs a refusal.
func (c *Connections) refuse(count *uint64, whose string) {
	*count++
	if now := c.o.Now(); now.Sub(c.loggedAt).Abs() >= refusalsLoggedEvery {
		c.loggedAt = now
		c.o.Log.Warn("connections refused; see MAX_CONNECTIONS", "network", whose, "max", c.o.Max, "max_network", c.share)
	}
}

func (c *Connections) insert(one *conn) {
	if one.spare {
		c.spares++
	} else {
		c.open++
	}
	if one.network != "" {
		if c.networks[one.network] == nil {
			c.networks[one.network] = &network{}
		}
		c.networks[one.network].open++
	}
	c.wait(one)
}

func (c *Connections) remove(one *conn) {
	if one.removed {
		return
	}
	c.stopWaiting(one)
	c.stopWriting(one)
	one.removed = true
	if one.spare {
		c.spares--
		return
	}
	c.open--
	if n := c.networks[one.network]; n != nil {
		if n.open--; n.open == 0 {
			delete(c.networks, one.network)
		}
	}
}

// queue returns the list of all connections like this one that wait.
func (c *Connections) queue(one *conn) *list.List {
	switch {
	case one.spare:
		return &c.spare
	case one.network == "":
		return &c.proxies
	}
	return &c.clients
}

func (c *Connections) wait(one *conn) {
	if one.removed || one.inAll != nil {
		return
	}
	one.inAll = c.queue(one).PushBack(one)
	if one.network != "" {
		one.inNetwork = c.networks[one.network].waiting.PushBack(one)
	}
}

func (c *Connections) stopWaiting(one *conn) {
	if one.inAll == nil {
		return
	}
	c.queue(one).Remove(one.inAll)
	if one.network != "" {
		c.networks[one.network].waiting.Remove(one.inNetwork)
	}
	one.inAll, one.inNetwork = nil, nil
}

func (c *Connections) stopWriting(one *conn) {
	if one.inWriting != nil {
		c.writing.Remove(one.inWriting)
		one.inWriting = nil
	}
}

func addressOf(conn *net.TCPConn) netip.Addr {
	addr, ok := conn.RemoteAddr().(*net.TCPAddr)
	if !ok {
		return netip.Addr{}
	}
	return plain(addr.AddrPort().Addr())
}
