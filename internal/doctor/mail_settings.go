package doctor

import (
	"net/url"

	"rekey/internal/config"
)

// mailSettings checks whether mails can be sent, and where their links lead.
func mailSettings(cfg config.Config) Report {
	const check = "settings.mail"
	switch {
	case cfg.SMTPURL != "":
		return append(Report{ok(check, "by SMTP")}, mailLinks(cfg)...)
	case cfg.MailWebhookURL != "":
		return append(Report{ok(check, "by a webhook")}, mailLinks(cfg)...)
	case cfg.Environment != config.Production:
		return Report{ok(check, "to files in DATA_DIR/mail")}
	}
	return Report{warning(check, "mails cannot be sent", "set SMTP_URL and MAIL_FROM (docs/how-to/mail.md): otherwise nobody can reset a forgotten password or verify an address")}
}

func mailLinks(cfg config.Config) Report {
	u, err := url.Parse(cfg.PublicURL())
	secure := err == nil && u.Scheme == "https"
	return Report{expect(secure || cfg.Environment != config.Production, "settings.APP_URL", cfg.PublicURL(),
		"use https: links in mails contain one-time secrets, which a page without TLS exposes")}
}
