package mail

import (
	"time"

	"rekey/internal/auth"
)

// Sample returns a mail of a kind with invented data, for a preview. base is the
// URL that its link begins with.
func Sample(kind auth.MailKind, locale, base string, now time.Time) auth.Mail {
	const agent = "Mozilla/5.0 (X11; Linux x86_64; rv:143.0) Gecko/20100101 Firefox/143.0"
	m := auth.Mail{
		Kind: kind, To: "ada@example.com", Name: "Ada Lovelace", Locale: locale, At: now,
		Client: auth.Client{Address: "203.0.113.7", UserAgent: agent},
	}
	need := needsOf(kind)
	if need.link {
		m.Link = base + "/account#" + string(kind) + "=EXAMPLE-ONLY-7f3a9c51d0e84b26a1c95e08d7b34f62"
	}
	if need.code {
		m.Code = "12345678"
	}
	if need.secret() {
		m.ExpiresAt = now.Add(lifetimeOf(kind))
	}
	if need.link && need.code && kind == auth.MailVerifyEmail {
		m.CodeExpiresAt = now.Add(10 * time.Minute)
	}
	if need.other {
		m.Other = "ada@new.example.com"
	}
	return m
}

// lifetimeOf returns how long the secret of a sample works.
func lifetimeOf(kind auth.MailKind) time.Duration {
	switch kind {
	case auth.MailLogin, auth.MailReauthenticate:
		return 10 * time.Minute
	case auth.MailResetPassword:
		return 30 * time.Minute
	case auth.MailUndoEmailChange:
		return 72 * time.Hour
	case auth.MailCancelDeletion:
		return 7 * 24 * time.Hour
	}
	return 24 * time.Hour
}
