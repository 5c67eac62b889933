package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/textproto"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/wneessen/go-mail/smtp"
)

// smtpTimeout limits a whole delivery. A server may check a mail for a while
// before it accepts it.
const smtpTimeout = time.Minute

// A smtpSender sends by SMTP: over TLS (smtps), or with STARTTLS (smtp), which is
// required unless the host is this machine.
type smtpSender struct {
	host, port string
	user       string // empty: no authentication
	password   string
	implicit   bool // TLS from the first byte
	plain      bool // no TLS, only to this machine
	roots      *x509.CertPool
	timeout    time.Duration
}

// newSMTP returns a sender for a URL such as smtps://user:password@host:465. Its
// error does not contain the URL.
func newSMTP(address string, roots *x509.CertPool) (*smtpSender, error) {
	u, err := url.Parse(address)
	if err != nil || u.Hostname() == "" || u.Scheme != "smtp" && u.Scheme != "smtps" {
		return nil, errors.New("must be a URL such as smtps://user:password@host")
	}
	s := &smtpSender{host: u.Hostname(), port: u.Port(), user: u.User.Username(), implicit: u.Scheme == "smtps", roots: roots, timeout: smtpTimeout}
	s.password, _ = u.User.Password()
	s.plain = !s.implicit && isLoopback(s.host)
	switch {
	case s.port != "":
	case s.implicit:
		s.port = "465"
	default:
		s.port = "587"
	}
	return s, nil
}

// Send delivers a message to the server.
func (s *smtpSender) Send(ctx context.Context, m Message) error {
	e, err := envelopeOf(m)
	if err != nil {
		return err
	}
	content, err := m.mime(e)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	conn, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("connecting to the mail server: %w", err)
	}
	defer context.AfterFunc(ctx, func() { _ = conn.Close() })()
	defer conn.Close() //nolint:errcheck // a mail that was accepted is sent, however the connection ends
	if err := s.talk(conn, e, content); err != nil {
		return errors.Join(err, ctx.Err())
	}
	return nil
}

func (s *smtpSender) dial(ctx context.Context) (net.Conn, error) {
	var d net.Dialer
	address := net.JoinHostPort(s.host, s.port)
	if s.implicit {
		return (&tls.Dialer{NetDialer: &d, Config: s.tls()}).DialContext(ctx, "tcp", address)
	}
	conn, err := d.DialContext(ctx, "tcp", address)
	if err != nil || !s.plain {
		return conn, err
	}
	if remote, err := netip.ParseAddrPort(conn.RemoteAddr().String()); err != nil || !remote.Addr().Unmap().IsLoopback() {
		return nil, errors.Join(errors.New("the host is not this machine, so TLS is required"), conn.Close())
	}
	return conn, nil
}

func (s *smtpSender) tls() *tls.Config {
	return &tls.Config{ServerName: s.host, RootCAs: s.roots, MinVersion: tls.VersionTLS12}
}

// talk speaks SMTP. It returns nil as soon as the server has accepted the mail.
func (s *smtpSender) talk(conn net.Conn, e envelope, content []byte) error {
	client, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return failed("greeting", err)
	}
	if err := client.Hello(helloName(e.from)); err != nil {
		return failed("EHLO", err)
	}
	if !s.implicit && !s.plain {
		if offered, _ := client.Extension("STARTTLS"); !offered {
			return errors.New("the mail server does not offer STARTTLS, which is required: use smtps:// or another port")
		}
		if err := client.StartTLS(s.tls()); err != nil {
			return failed("STARTTLS", err)
		}
	}
	if s.user != "" {
		if err := s.authenticate(client); err != nil {
			return err
		}
	}
	if offered, _ := client.Extension("SMTPUTF8"); e.utf8 && !offered {
		return refused("the mail server does not support international addresses (SMTPUTF8)")
	}
	client.SkipSMTPUTF8(!e.utf8)
	if err := deliver(client, e, content); err != nil {
		return err
	}
	_ = client.Quit() // the mail is accepted
	return nil
}

// deliver sends the message. Only here does a permanent refusal concern the mail
// and not the settings.
func deliver(client *smtp.Client, e envelope, content []byte) error {
	if err := client.Mail("<" + e.from + ">"); err != nil {
		return answered("MAIL", err)
	}
	if err := client.Rcpt("<" + e.to + ">"); err != nil {
		return answered("RCPT", err)
	}
	w, err := client.Data()
	if err != nil {
		return answered("DATA", err)
	}
	if _, err := w.Write(content); err != nil {
		return failed("sending the content", err)
	}
	if err := w.Close(); err != nil {
		return answered("the content", err)
	}
	return nil
}

// authenticate logs in with the first of the methods that the server offers. Each
// is used only over TLS or to this machine.
func (s *smtpSender) authenticate(client *smtp.Client) error {
	_, offered := client.Extension("AUTH")
	methods := strings.Fields(strings.ToUpper(offered))
	for _, method := range methods {
		var a smtp.Auth
		switch method {
		case "PLAIN":
			a = smtp.PlainAuth("", s.user, s.password, s.host, true)
		case "LOGIN":
			a = smtp.LoginAuth(s.user, s.password, s.host, true)
		default:
			continue
		}
		if err := client.Auth(a); err != nil {
			return failed("AUTH "+method, err)
		}
		return nil
	}
	return fmt.Errorf("the mail server offers neither AUTH PLAIN nor AUTH LOGIN, but SMTP_URL has a user")
}

// enhanced finds the code of RFC 3463 at the beginning of an answer.
var enhanced = regexp.MustCompile(`^[245]\.\d{1,3}\.\d{1,3}\b`)

// failed returns an error with the codes of an answer. The text of an answer may
// contain addresses.
func failed(step string, err error) error {
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return fmt.Errorf("the mail server answered %s with %s", step, codes(answer))
	}
	return fmt.Errorf("mail server: %s: %w", step, err)
}

// answered is failed for an answer that concerns the mail: 5xx refuses it for
// good, unless it is about authentication.
func answered(step string, err error) error {
	var answer *textproto.Error
	if !errors.As(err, &answer) {
		return failed(step, err)
	}
	switch answer.Code {
	case 530, 534, 535, 538: // RFC 4954: the settings are wrong, not the mail
		return failed(step, err)
	}
	if answer.Code >= 500 && answer.Code < 600 {
		return refused("the mail server answered %s with %s", step, codes(answer))
	}
	return failed(step, err)
}

func codes(answer *textproto.Error) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", answer.Code, enhanced.FindString(answer.Msg)))
}

// helloName returns the name that EHLO gives: the sender's domain, because the
// name of a container means nothing to the server.
func helloName(from string) string {
	_, domain, _ := strings.Cut(from, "@")
	return domain
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.Unmap().IsLoopback()
}
