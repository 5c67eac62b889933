package mail

import (
	"fmt"
	"slices"

	"rekey/internal/auth"
)

// needs describes what the mails of a kind contain.
type needs struct {
	link, code bool // required
	other      bool // there may be another address
}

// needsOf returns what the mails of a kind contain. A kind that is not listed
// only informs.
func needsOf(kind auth.MailKind) needs {
	switch kind {
	case auth.MailVerifyEmail, auth.MailLogin:
		return needs{link: true, code: true}
	case auth.MailCompleteSignUp, auth.MailResetPassword, auth.MailCancelDeletion:
		return needs{link: true}
	case auth.MailConfirmEmail, auth.MailUndoEmailChange:
		return needs{link: true, other: true}
	case auth.MailReauthenticate:
		return needs{code: true}
	case auth.MailEmailChanged:
		return needs{other: true}
	}
	return needs{}
}

// secret reports whether the mails contain a one-time secret, which expires.
func (n needs) secret() bool { return n.link || n.code }

// placeholders returns the names that the templates of a kind may use.
func (n needs) placeholders() []string {
	names := []string{"service", "url", "email", "name", "time", "device", "address"}
	if n.secret() {
		names = append(names, "expires", "lifetime")
	}
	if n.link {
		names = append(names, "link")
	}
	if n.code {
		names = append(names, "code")
	}
	if n.link && n.code {
		names = append(names, "code_expires", "code_lifetime")
	}
	if n.other {
		names = append(names, "other")
	}
	return names
}

// check returns an error if a mail lacks what its kind needs.
func (n needs) check(m auth.Mail) error {
	switch {
	case !slices.Contains(auth.MailKinds(), m.Kind):
		return fmt.Errorf("there is no kind of mail %q", m.Kind)
	case m.To == "":
		return fmt.Errorf("a mail %s has no address", m.Kind)
	case n.link && !isWebURL(m.Link):
		return fmt.Errorf("a mail %s needs a link", m.Kind)
	case n.code && m.Code == "":
		return fmt.Errorf("a mail %s needs a code", m.Kind)
	case n.secret() && m.ExpiresAt.IsZero():
		return fmt.Errorf("a mail %s needs the time when it expires", m.Kind)
	}
	return nil
}
