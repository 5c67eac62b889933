package mail

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
)

// A mailbox records what a throwaway SMTP server accepts, and answers as a test
// wants.
type mailbox struct {
	mu       sync.Mutex
	from, to string
	utf8     bool
	tls      bool
	received []string
	onMail   func() error
	onRcpt   func() error
	onData   func() error // after the content was read
}

// NewSession begins a session.
func (b *mailbox) NewSession(c *gosmtp.Conn) (gosmtp.Session, error) {
	_, encrypted := c.TLSConnectionState()
	b.mu.Lock()
	defer b.mu.Unlock()
	b.tls = encrypted
	return &session{b}, nil
}

func (b *mailbox) contents() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return append([]string(nil), b.received...)
}

type session struct{ b *mailbox }

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

func (s *session) Mail(from string, o *gosmtp.MailOptions) error {
	s.b.mu.Lock()
	s.b.from, s.b.utf8 = from, o.UTF8
	s.b.mu.Unlock()
	return call(s.b.onMail)
}

func (s *session) Rcpt(to string, _ *gosmtp.RcptOptions) error {
	s.b.mu.Lock()
	s.b.to = to
	s.b.mu.Unlock()
	return call(s.b.onRcpt)
}

func (s *session) Data(r io.Reader) error {
	content, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	if err := call(s.b.onData); err != nil {
		return err
	}
	s.b.mu.Lock()
	s.b.received = append(s.b.received, string(content))
	s.b.mu.Unlock()
	return nil
}

func (s *session) Reset() {}

// Logout ends a session.
func (s *session) Logout() error { return nil }

// certificate returns a certificate for 127.0.0.1 and example.com, and the
// authority that signed it.
func certificate(t *testing.T) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	return s.TLS.Certificates[0], roots
}

// The ways to reach a throwaway server.
const (
	plain    = "plain"
	startTLS = "STARTTLS"
	implicit = "TLS"
)

// startSMTP starts a server for a mailbox, and returns a sender that trusts it.
func startSMTP(t *testing.T, b *mailbox, way string, change func(s *gosmtp.Server)) *smtpSender {
	t.Helper()
	cert, roots := certificate(t)
	server := gosmtp.NewServer(b)
	server.Domain, server.EnableSMTPUTF8, server.ErrorLog = "mx.example", true, discard{}
	server.MaxMessageBytes = 1 << 20
	if way != plain {
		server.TLSConfig = &tls.Config{Certificates: []tls.Certificate{cert}}
	}
	if change != nil {
		change(server)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	scheme := "smtp://"
	if way == implicit {
		listener = tls.NewListener(listener, server.TLSConfig)
		scheme = "smtps://"
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(listener)
	}()
	t.Cleanup(func() {
		_ = server.Close()
		_ = listener.Close() // the server does not know it before it serves
		<-done
	})
	sender, err := newSMTP(scheme+address, roots)
	if err != nil {
		t.Fatal(err)
	}
	sender.plain = way == plain // a test's server is on this machine, where TLS is not required
	return sender
}

type discard struct{}

func (discard) Printf(string, ...any) {}
func (discard) Println(...any)        {}

// script serves one connection after another with fixed answers: the greeting,
// then one for each line that a client sends. An answer "" closes the
// connection.
func script(t *testing.T, greeting string, answer func(line string) string) (address string, lines func() []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var all []string
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, greeting+"\r\n")
			converse(conn, func(line string) string {
				mu.Lock()
				all = append(all, line)
				mu.Unlock()
				return answer(line)
			})
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String(), func() []string {
		mu.Lock()
		defer mu.Unlock()
		return append([]string(nil), all...)
	}
}

func converse(conn net.Conn, answer func(line string) string) {
	defer conn.Close() //nolint:errcheck // the client has closed it
	buffer := make([]byte, 64<<10)
	pending := ""
	for {
		n, err := conn.Read(buffer)
		if err != nil {
			return
		}
		pending += string(buffer[:n])
		for {
			line, rest, found := strings.Cut(pending, "\r\n")
			if !found {
				break
			}
			pending = rest
			reply := answer(line)
			if reply == "" {
				return
			}
			if reply != "-" { // a line of the content has no answer
				if _, err := io.WriteString(conn, reply+"\r\n"); err != nil {
					return
				}
			}
		}
	}
}
