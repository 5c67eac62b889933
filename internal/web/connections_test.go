package web

import (
	"bufio"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rekey/internal/auth"
	"rekey/internal/test/logcheck"
)

// limited is a server with limits on connections. Its handler answers /busy when
// the test releases it, and all other paths at once.
type limited struct {
	t           *testing.T
	addr        string
	connections *Connections
	busy        chan struct{} // gets a value for each request of /busy
	release     chan struct{}
	log         logBuffer
	clock       atomic.Int64 // of the limits, in seconds
}

func startLimited(t *testing.T, maximum int, trusted Proxies) *limited {
	t.Helper()
	s := &limited{t: t, busy: make(chan struct{}, 1000), release: make(chan struct{})}
	s.clock.Store(900_000)
	s.connections = NewConnections(ConnectionOptions{
		Max: maximum, Proxies: trusted, Now: func() time.Time { return time.Unix(s.clock.Load(), 0) }, Log: s.log.logger(t),
		Health: func(path string) bool { return path == "/livez" },
		RenderError: func(w http.ResponseWriter, _ *http.Request, e *auth.Error) {
			http.Error(w, e.Message, http.StatusServiceUnavailable)
		},
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.addr = listener.Addr().String()
	long := make([]byte, 32<<20) // more than the buffers of a connection
	handler := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		if r.URL.Path == "/busy" {
			s.busy <- struct{}{}
			<-s.release
		}
		if r.URL.Path == "/long" {
			_, _ = w.Write(long)
		}
		_, _ = w.Write(append(body, "answered"...))
	}
	server := Server(s.connections.Handler(http.HandlerFunc(handler)), time.Minute, logcheck.Logger(t))
	server.ReadHeaderTimeout, server.ReadTimeout, server.WriteTimeout = time.Minute, time.Minute, 0
	s.connections.Watch(server)
	go func() { _ = Serve(t.Context(), s.connections.Listen(listener.(*net.TCPListener)), server, time.Second) }()
	return s
}

// dial connects from 127.0.0.network.
func (s *limited) dial(network int) net.Conn {
	s.t.Helper()
	d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(127, 0, 0, byte(network))}}
	conn, err := d.DialContext(s.t.Context(), "tcp", s.addr)
	if err != nil {
		s.t.Fatal(err)
	}
	s.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		s.t.Fatal(err)
	}
	return conn
}

// open connects and sends something.
func (s *limited) open(network int, sent string) net.Conn {
	s.t.Helper()
	conn := s.dial(network)
	_, _ = io.WriteString(conn, sent) // the server may have closed it
	return conn
}

// status returns the status of the next answer on a connection, or 0 if it is
// closed without one.
func (s *limited) status(conn net.Conn) int {
	s.t.Helper()
	res, err := http.ReadResponse(bufio.NewReader(conn), nil)
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		s.t.Fatal("neither answered nor closed")
	}
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, res.Body)
	_ = res.Body.Close()
	return res.StatusCode
}

func getRequest(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: rekey\r\n\r\n" }

// until waits until the counts have the expected values.
func (s *limited) until(what string, holds func(ConnectionCounts) bool) {
	s.t.Helper()
	for deadline := time.After(time.Minute); !holds(s.connections.Counts()); {
		select {
		case <-deadline:
			s.t.Fatalf("%s: %+v", what, s.connections.Counts())
		case <-time.After(time.Millisecond):
		}
	}
}

// busyRequests opens n connections whose requests are not answered yet.
func (s *limited) busyRequests(network, n int) (open []net.Conn) {
	s.t.Helper()
	for range n {
		open = append(open, s.open(network, getRequest("/busy")))
		select {
		case <-s.busy:
		case <-time.After(time.Minute):
			s.t.Fatalf("a request does not reach its handler: %+v", s.connections.Counts())
		}
	}
	return open
}

// TestConnections_held: connections of strangers who send nothing, or never a
// whole request, keep nobody out.
func TestConnections_held(t *testing.T) {
	for name, sent := range map[string]string{
		"silent":       "",
		"slow headers": "GET /livez HTTP/1.1\r\nHost: re",
		"slow body":    "POST / HTTP/1.1\r\nHost: rekey\r\nContent-Length: 100\r\n\r\n{",
		"slow chunks":  "POST / HTTP/1.1\r\nHost: rekey\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n{\r\n",
		"idle":         getRequest("/"),
	} {
		t.Run(name, func(t *testing.T) {
			const most = 32
			s := startLimited(t, most, nil)
			for i := range 3 * most { // from many networks, again and again
				conn := s.open(2+i%24, sent)
				if name == "idle" && s.status(conn) != http.StatusOK {
					t.Fatal("not answered")
				}
			}
			s.until("all wait", func(c ConnectionCounts) bool { return c.Waiting == most && c.Busy == 0 })
			for i := range 2 * most {
				if status := s.status(s.open(100+i, getRequest("/"))); status != http.StatusOK {
					t.Fatalf("client %d: %d", i, status)
				}
			}
			if c := s.connections.Counts(); c.RefusedAll+c.RefusedNetwork != 0 || c.ClosedAll == 0 {
				t.Errorf("%+v", c)
			}
		})
	}
}

// TestConnections_notRead: connections of strangers who do not read the answers
// keep nobody out, except for the first second.
func TestConnections_notRead(t *testing.T) {
	s := startLimited(t, 16, nil)
	for i := range 16 {
		s.open(2+i%8, getRequest("/long"))
	}
	s.until("all send", func(ConnectionCounts) bool {
		s.connections.mu.Lock()
		defer s.connections.mu.Unlock()
		return s.connections.writing.Len() == 16
	})
	if status := s.status(s.open(100, getRequest("/"))); status != http.StatusServiceUnavailable {
		t.Errorf("while they may only be slow: %d", status)
	}
	s.clock.Store(1_000_000)
	for i := range 20 {
		if status := s.status(s.open(100+i, getRequest("/"))); status != http.StatusOK {
			t.Errorf("client %d: %d", i, status)
		}
	}
}

// TestConnections_network: one network cannot use more than its share, and loses
// only its own connections.
func TestConnections_network(t *testing.T) {
	s := startLimited(t, 16, nil)
	other := s.open(3, getRequest("/"))
	if s.status(other) != http.StatusOK {
		t.Fatal("not answered")
	}
	oldest := s.dial(2)
	for range 4 {
		s.dial(2)
	}
	if status := s.status(oldest); status != 0 {
		t.Errorf("the oldest connection was answered with %d", status)
	}
	s.until("one was closed", func(c ConnectionCounts) bool { return c.ClosedNetwork == 1 && c.Waiting == 5 })

	busy := s.busyRequests(2, 4) // in place of those that wait
	s.until("all of its share is busy", func(c ConnectionCounts) bool { return c.Busy == 4 && c.Waiting == 1 })
	if status := s.status(s.open(2, getRequest("/"))); status != 0 {
		t.Errorf("a connection beyond the share was answered with %d", status)
	}
	if c := s.connections.Counts(); c.RefusedNetwork != 1 || c.RefusedAll != 0 {
		t.Errorf("%+v", c)
	}
	if text := s.log.String(); !strings.Contains(text, `"network":"127.0.0.2"`) || !strings.Contains(text, "MAX_CONNECTIONS") {
		t.Errorf("the log: %s", text)
	}
	if _, err := io.WriteString(other, getRequest("/")); err != nil {
		t.Fatal(err)
	}
	if status := s.status(other); status != http.StatusOK {
		t.Errorf("another network's open connection: %d", status)
	}
	close(s.release)
	for _, conn := range busy {
		if status := s.status(conn); status != http.StatusOK {
			t.Errorf("a request in progress: %d", status)
		}
	}
}

// TestConnections_full: if all connections are busy, further requests get 503,
// except health checks.
func TestConnections_full(t *testing.T) {
	s := startLimited(t, 16, nil)
	var busy []net.Conn
	for network := 2; network < 6; network++ {
		busy = append(busy, s.busyRequests(network, 4)...)
	}
	for range 2 * spareConnections {
		s.dial(7) // silent
	}
	for i := range 10 {
		if status := s.status(s.open(8+i, getRequest("/livez"))); status != http.StatusOK {
			t.Errorf("health: %d", status)
		}
		if status := s.status(s.open(8+i, getRequest("/"))); status != http.StatusServiceUnavailable {
			t.Errorf("another path: %d", status)
		}
	}
	if c := s.connections.Counts(); c.RefusedAll != 10 || c.Busy != 16 {
		t.Errorf("%+v", c)
	}
	close(s.release)
	for _, conn := range busy {
		if status := s.status(conn); status != http.StatusOK {
			t.Errorf("a request in progress: %d", status)
		}
	}
	s.until("none is busy", func(c ConnectionCounts) bool { return c.Busy == 0 })
	if status := s.status(s.open(9, getRequest("/"))); status != http.StatusOK {
		t.Errorf("afterwards: %d", status)
	}
}

// TestConnections_proxies: a trusted proxy may have all connections, and its idle
// ones are the last that are closed.
func TestConnections_proxies(t *testing.T) {
	s := startLimited(t, 8, proxies("127.0.0.2/32"))
	var kept []net.Conn
	for range 6 {
		kept = append(kept, s.open(2, getRequest("/")))
		if s.status(kept[len(kept)-1]) != http.StatusOK {
			t.Fatal("not answered")
		}
	}
	idle := func() { // a connection waits a moment after its client has read the answer
		s.until("all wait", func(c ConnectionCounts) bool { return c.Busy == 0 })
	}
	for i := range 20 {
		idle()
		if status := s.status(s.open(3+i, getRequest("/"))); status != http.StatusOK {
			t.Errorf("client %d: %d", i, status)
		}
	}
	for i, conn := range kept {
		if _, err := io.WriteString(conn, getRequest("/")); err != nil {
			t.Fatal(err)
		}
		if status := s.status(conn); status != http.StatusOK {
			t.Errorf("the proxy's connection %d was closed", i)
		}
	}
	idle()
	s.busyRequests(2, 8)
	s.until("all are the proxy's", func(c ConnectionCounts) bool { return c.Busy == 8 })
	close(s.release)
}

// TestConnections_closed: nothing is kept of connections that are closed.
func TestConnections_closed(t *testing.T) {
	s := startLimited(t, 16, proxies("127.0.0.9/32"))
	for i := range 50 {
		conn := s.open(2+i%8, getRequest("/"))
		if s.status(conn) != http.StatusOK {
			t.Fatal("not answered")
		}
		defer func() { _ = conn.Close() }()
	}
	busy := append(s.busyRequests(20, 4), s.busyRequests(9, 2)...)
	close(s.release)
	for _, conn := range busy {
		_ = conn.Close()
	}
	for i := range 16 { // each makes one of the others close
		s.status(s.open(30+i, "GET / HTTP/1.1\r\nHost: rekey\r\nConnection: close\r\n\r\n"))
	}
	s.until("few are left", func(c ConnectionCounts) bool { return c.Waiting <= 15 && c.Busy == 0 })
	for c := s.connections; ; {
		c.mu.Lock()
		one := first(&c.clients)
		if one == nil {
			one = first(&c.proxies)
		}
		c.mu.Unlock()
		if one == nil {
			break
		}
		_ = one.Close()
	}
	s.until("none is left", func(k ConnectionCounts) bool { return k.Waiting == 0 && k.Busy == 0 })
	s.connections.mu.Lock()
	defer s.connections.mu.Unlock()
	if len(s.connections.networks) != 0 || s.connections.spares != 0 {
		t.Errorf("%d networks, %d spares", len(s.connections.networks), s.connections.spares)
	}
}
