//go:build faults

package fault

import (
	"io"
	"net"
	"path/filepath"
	"regexp"
	"sync"
	"testing"

	gosmtp "github.com/emersion/go-smtp"
)

// site holds the database and the mail server of a program. The zero value: SQLite,
// and a file to which each mail adds a line.
type site struct {
	postgres string // a URL; empty: SQLite
	smtp     *smtpServer
}

func (s site) env(dir string) (env []string) {
	if s.postgres != "" {
		env = append(env, "DATABASE_URL="+s.postgres)
	}
	if s.smtp == nil {
		return append(env, "FAULT_MAILS="+filepath.Join(dir, "mails"))
	}
	return append(env, "SMTP_URL=smtp://"+s.smtp.address, "MAIL_FROM=rekey@example.com")
}

// smtpServer is a throwaway SMTP server. It survives the programs that send to it.
type smtpServer struct {
	address string
	mu      sync.Mutex
	mails   []string
}

func startSMTP(t *testing.T) *smtpServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s := &smtpServer{address: listener.Addr().String()}
	server := gosmtp.NewServer(s)
	server.Domain = "mx.example"
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
	return s
}

// NewSession begins a session.
func (s *smtpServer) NewSession(*gosmtp.Conn) (gosmtp.Session, error) { return smtpSession{s}, nil }

// ids returns the Message-ID of each mail that was accepted.
func (s *smtpServer) ids() (ids []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, mail := range s.mails {
		ids = append(ids, regexp.MustCompile(`(?mi)^Message-ID: *(.*)$`).FindString(mail))
	}
	return ids
}

type smtpSession struct{ server *smtpServer }

func (smtpSession) Mail(string, *gosmtp.MailOptions) error { return nil }
func (smtpSession) Rcpt(string, *gosmtp.RcptOptions) error { return nil }
func (smtpSession) Reset()                                 {}

// Logout ends a session.
func (smtpSession) Logout() error { return nil }

func (s smtpSession) Data(r io.Reader) error {
	mail, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	s.server.mails = append(s.server.mails, string(mail))
	return nil
}
