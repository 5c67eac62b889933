package app

import (
	"path/filepath"

	"rekey/internal/auth"
	"rekey/internal/cli"
	"rekey/internal/config"
	"rekey/internal/mail"
)

// newMailer returns the mailer for the settings. In development without a
// setting of mail, it writes files. The error is one of configuration.
func (p *program) newMailer() (*mail.Mailer, error) {
	directory := ""
	if p.cfg.Environment != config.Production {
		directory = p.mailDirectory()
	}
	m, err := mail.New(mail.Options{
		SMTPURL: string(p.cfg.SMTPURL), WebhookURL: string(p.cfg.MailWebhookURL), WebhookSecret: string(p.cfg.MailWebhookSecret),
		Directory: directory, From: p.cfg.MailFrom, Templates: p.cfg.MailTemplates, AppURL: p.cfg.PublicURL(), Zone: p.cfg.Zone,
		Allow: p.cfg.EgressAllow, Now: p.now, Logger: p.log,
	})
	if err != nil {
		return nil, cli.Fail(cli.ExitConfiguration, err)
	}
	return m, nil
}

// mailDirectory returns the directory that mails are written to in development.
func (p *program) mailDirectory() string { return filepath.Join(p.cfg.DataDir, "mail") }

// inbox reports whether the explorer's inbox is served: never in production.
func (p *program) inbox() bool { return p.cfg.Explorer && p.cfg.Environment != config.Production }

// previewMail renders a mail with invented data.
func (c *commands) previewMail(kind, locale string) (cli.MailPreview, error) {
	p, err := c.program()
	if err != nil {
		return cli.MailPreview{}, err
	}
	m, err := p.newMailer()
	if err != nil {
		return cli.MailPreview{}, err
	}
	r, err := m.Render("preview", mail.Sample(auth.MailKind(kind), locale, p.cfg.PublicURL(), p.now()))
	return cli.MailPreview{Language: r.Language, Subject: r.Subject, Text: r.Text, HTML: r.HTML}, err
}
