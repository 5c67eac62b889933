package config

import (
	"encoding/base64"
	"net/mail"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strings"
)

func mails(c *Config) []setting {
	return []setting{
		{name: "SMTP_URL", kind: "URL", secret: true, inFile: &c.SMTPURL, apply: smtpURL(&c.SMTPURL),
			about: "Server that [mail](how-to/mail.md) is sent through: `smtps://user:password@host` (TLS, port 465) or `smtp://user:password@host` (STARTTLS, port 587). TLS is required, except by `smtp://` to this machine. Default: no SMTP; in development, mails are then written to `DATA_DIR/mail`."},
		{name: "MAIL_FROM", kind: "mailbox", apply: mailbox(&c.MailFrom),
			about: "Sender of mails, such as `Example <no-reply@example.com>`. Mails call the service by its name. Required with `SMTP_URL` and `MAIL_WEBHOOK_URL`."},
		{name: "MAIL_WEBHOOK_URL", kind: "URL", secret: true, inFile: &c.MailWebhookURL, apply: webhookURL(&c.MailWebhookURL),
			about: "URL that receives each mail as [signed JSON](how-to/mail.md#a-webhook), instead of `SMTP_URL`. It must be https, except on this machine."},
		{name: "MAIL_WEBHOOK_SECRET", kind: "`whsec_` and base64", secret: true, inFile: &c.MailWebhookSecret, apply: webhookSecret(&c.MailWebhookSecret),
			about: "Key that signs the requests to `MAIL_WEBHOOK_URL`: `whsec_` and at least 24 bytes in base64."},
		{name: "MAIL_TEMPLATES", kind: "directory", apply: existingDirectory(&c.MailTemplates),
			about: "Directory of [templates](how-to/mail.md#templates) that replace the default ones, with a folder for each language. Default: the embedded ones, in English and Hungarian."},
		{name: "APP_URL", kind: "URL", apply: webURL(&c.AppURL),
			about: "Address that links in mails lead to, such as `https://app.example.com`: they open `/account` there. Default: this service with its [own page](how-to/account-page.md), at `ISSUER`, or on this machine at `HOST` and `PORT`; in production, one of the two is required to send mail."},
		{name: "EMAIL_VERIFICATION", fallback: "optional", kind: "`off`, `optional` or `required`", apply: choice(&c.EmailVerification, "off", "optional", "required"),
			about: "Whether people must [verify their address](how-to/verify-addresses.md). `optional`: `signUp` mails a link and a code. `off`: it mails nothing. `required`: accounts are created by `requestSignUp` and `completeSignUp` only, and accounts whose address is not verified cannot log in; in production, this needs a setting of mail."},
		{name: "NOTIFY_NEW_LOGIN", fallback: "off", kind: "`on` or `off`", apply: onOff(&c.NotifyNewLogin),
			about: "Whether a login with a user agent and from a network that the account was not used with before [mails the account](how-to/mail.md#mails-that-inform)."},
		{name: "EGRESS_ALLOW", kind: "addresses or CIDRs, separated by commas", apply: prefixes(&c.EgressAllow),
			about: "Networks that requests of rekey's own, such as those to `MAIL_WEBHOOK_URL` and `BREACHED_PASSWORDS`, may reach although they are private, on this machine, or otherwise not public. Default: none."},
	}
}

// smtpURL takes the URL of one server. Its problems omit the URL.
func smtpURL(to *Secret) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		if !hasScheme(value, "smtp", "smtps") {
			bad(value, "must begin with smtps:// or smtp://")
			return
		}
		u, err := url.Parse(value)
		switch {
		case err != nil || !isServerURL(value) || u.Hostname() == "" || strings.Contains(u.Host, ","):
			bad(value, notServerURL)
		case strings.Trim(u.Path, "/") != "" || u.RawQuery != "":
			bad(value, "must end after the host and its port")
		case u.User != nil && !hasPassword(u):
			bad(value, "has a user without a password")
		default:
			*to = Secret(value)
		}
	}
}

func hasPassword(u *url.URL) bool {
	password, _ := u.User.Password()
	return password != "" && u.User.Username() != ""
}

func mailbox(to *string) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		if _, err := mail.ParseAddress(value); err != nil {
			bad("", "must be a mailbox such as no-reply@example.com or Example <no-reply@example.com>")
			return
		}
		*to = value
	}
}

// webhookURL takes a URL, which may contain a key. Only this machine may omit TLS,
// because mails contain secrets.
func webhookURL(to *Secret) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		u, err := url.Parse(value)
		if err != nil || u.Host == "" || u.User != nil || u.Fragment != "" || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
			bad(value, "must be a URL that begins with https://, without user and fragment")
			return
		}
		*to = Secret(value)
	}
}

func webhookSecret(to *Secret) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		encoded, found := strings.CutPrefix(value, "whsec_")
		if key, err := base64.StdEncoding.DecodeString(encoded); !found || err != nil || len(key) < 24 {
			bad(value, "must be whsec_ and at least 24 bytes in base64: echo whsec_$(openssl rand -base64 32)")
			return
		}
		*to = Secret(value)
	}
}

// existingDirectory takes the path of a directory that exists.
func existingDirectory(to *string) apply {
	return func(value string, bad reject) {
		if value == "" {
			return
		}
		info, err := os.Stat(value)
		switch {
		case err != nil:
			bad(value, "cannot be read: %v", cause(err))
		case !info.IsDir():
			bad(value, "must be a directory")
		default:
			*to = value
		}
	}
}

// checkMail finds settings of mail that contradict each other.
func checkMail(c Config, p *problems) {
	p.require(c.SMTPURL == "" || c.MailWebhookURL == "", "MAIL_WEBHOOK_URL", "", "must not be set together with SMTP_URL", "SMTP_URL")
	p.require(c.MailWebhookURL == "" || c.MailWebhookSecret != "", "MAIL_WEBHOOK_SECRET", "", "must be set when MAIL_WEBHOOK_URL is", "MAIL_WEBHOOK_URL")
	p.require(c.MailWebhookSecret == "" || c.MailWebhookURL != "", "MAIL_WEBHOOK_URL", "", "must be set when MAIL_WEBHOOK_SECRET is", "MAIL_WEBHOOK_SECRET")
	p.require(c.EmailVerification != "required" || c.Environment != Production || c.SMTPURL != "" || c.MailWebhookURL != "", "EMAIL_VERIFICATION", c.EmailVerification,
		"needs mail, because nobody could sign up: set SMTP_URL or MAIL_WEBHOOK_URL too", "SMTP_URL")
	for name, value := range map[string]Secret{"SMTP_URL": c.SMTPURL, "MAIL_WEBHOOK_URL": c.MailWebhookURL} {
		p.require(value == "" || c.MailFrom != "", "MAIL_FROM", "", "must be set when "+name+" is", name)
		p.require(value == "" || c.Environment != Production || c.AppURL != "" || c.Issuer != "", "APP_URL", "",
			"must be set in production when "+name+" is, or ISSUER: links in mails lead there", name)
	}
	p.require(c.AccountPage || c.AppURL != "" || c.SMTPURL == "" && c.MailWebhookURL == "", "APP_URL", "",
		"must be set when mail is and ACCOUNT_PAGE=off: links in mails lead there", "ACCOUNT_PAGE")
	requireEgress(c, p, "MAIL_WEBHOOK_URL", string(c.MailWebhookURL))
}

// requireEgress reports an address of this machine in a setting that EGRESS_ALLOW
// does not list.
func requireEgress(c Config, p *problems, name, address string) {
	u, err := url.Parse(address)
	if err != nil {
		return
	}
	if addr, err := netip.ParseAddr(u.Hostname()); err == nil && addr.IsLoopback() {
		allowed := slices.ContainsFunc(c.EgressAllow, func(n netip.Prefix) bool { return n.Contains(addr.Unmap()) })
		p.require(allowed, "EGRESS_ALLOW", "", "must list the address of "+name+", which is on this machine", name)
	}
}
