package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	netmail "net/mail"
	"net/netip"
	"net/url"
	"time"

	"rekey/internal/auth"
	"rekey/internal/egress"
)

// Options hold what New needs. At most one of SMTPURL, WebhookURL and Directory
// takes effect, in this order.
type Options struct {
	SMTPURL       string // smtps:// or smtp://, with user and password
	WebhookURL    string
	WebhookSecret string // whsec_ and base64
	Directory     string // for development; need not exist
	// From is the sender's mailbox, such as "Example <no-reply@example.com>".
	// Its name is what mails call the service. Default: rekey <rekey@localhost>.
	From      string
	Templates string // a directory; empty: only the embedded templates
	AppURL    string // the address of the service for people
	Zone      *time.Location
	// Allow lists networks that the webhook may be in although they are private.
	Allow  []netip.Prefix
	Roots  *x509.CertPool // that sign the certificate of the SMTP server; nil: those of the system
	Now    func() time.Time
	Logger *slog.Logger
}

// Mailer renders and sends mails. It implements auth.Mailer.
type Mailer struct {
	renderer renderer
	sender   sender // nil: not configured
	now      func() time.Time
}

// New returns a Mailer that sends in the way that the options name, or in none.
// It reads and checks all templates. The error contains no secret.
func New(o Options) (*Mailer, error) {
	all, err := loadTemplates(o.Templates)
	if err != nil {
		return nil, fmt.Errorf("reading the templates of mails (MAIL_TEMPLATES):\n%w", err)
	}
	from := &netmail.Address{Name: "rekey", Address: "rekey@localhost"}
	if o.From != "" {
		if from, err = netmail.ParseAddress(o.From); err != nil {
			return nil, errors.New("reading MAIL_FROM: it must be a mailbox such as Example <no-reply@example.com>")
		}
	}
	m := &Mailer{now: o.Now, renderer: renderer{
		templates: all, fromName: from.Name, from: from.Address, service: from.Name, url: o.AppURL, zone: o.Zone,
	}}
	if u, err := url.Parse(o.AppURL); err == nil && m.renderer.service == "" {
		m.renderer.service = u.Hostname()
	}
	switch {
	case o.SMTPURL != "":
		s, err := newSMTP(o.SMTPURL, o.Roots)
		if err != nil {
			return nil, fmt.Errorf("reading SMTP_URL: %w", err)
		}
		m.sender = s
	case o.WebhookURL != "":
		s, err := newWebhook(o.WebhookURL, o.WebhookSecret, egress.NewClient(egress.Options{Allow: o.Allow}), o.Now)
		if err != nil {
			return nil, fmt.Errorf("reading MAIL_WEBHOOK_SECRET: %w", err)
		}
		m.sender = s
	case o.Directory != "":
		m.sender = &directorySender{directory: o.Directory, log: o.Logger}
	}
	return m, nil
}

// Configured reports whether mails can be sent.
func (m *Mailer) Configured() bool { return m.sender != nil }

// Service returns the name that mails call the service by.
func (m *Mailer) Service() string { return m.renderer.service }

// Send renders a mail and hands it over for delivery. It implements auth.Mailer.
func (m *Mailer) Send(ctx context.Context, id string, mail auth.Mail) error {
	if m.sender == nil {
		return errors.New("no way to send mails is configured: set SMTP_URL or MAIL_WEBHOOK_URL")
	}
	message, err := m.Render(id, mail)
	if err != nil {
		return refused("rendering a mail: %v", err)
	}
	return m.sender.Send(ctx, message)
}

// Render returns the message that Send would hand over.
func (m *Mailer) Render(id string, mail auth.Mail) (Message, error) {
	return m.renderer.render(id, m.now(), mail)
}
