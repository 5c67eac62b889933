package mail

import (
	"bytes"
	"context"
	"fmt"
	netmail "net/mail"
	"strings"

	gomail "github.com/wneessen/go-mail"
	"golang.org/x/net/idna"

	"rekey/internal/auth"
)

// A sender hands one message over for delivery. Its errors contain neither an
// address nor a secret. An error wraps auth.ErrMailRefused if another attempt
// cannot succeed.
type sender interface {
	Send(ctx context.Context, m Message) error
}

func refused(format string, args ...any) error {
	return fmt.Errorf("%s: %w", fmt.Sprintf(format, args...), auth.ErrMailRefused)
}

// An envelope holds the addresses of a message as SMTP takes them.
type envelope struct {
	from, to string
	utf8     bool // an address needs the extension SMTPUTF8
}

// envelopeOf returns the addresses with domains in the form of DNS.
func envelopeOf(m Message) (envelope, error) {
	from, fromOK := wireAddress(m.From)
	to, toOK := wireAddress(m.To)
	if !fromOK || !toOK {
		return envelope{}, refused("the address cannot be used in a mail")
	}
	return envelope{from: from, to: to, utf8: !isASCII(from) || !isASCII(to)}, nil
}

// wireAddress returns an address with its domain in the form of DNS. It reports
// whether the address can be part of a command and of a header.
func wireAddress(address string) (string, bool) {
	at := strings.LastIndexByte(address, '@')
	if at < 1 || clean(address) != address || strings.ContainsAny(address, " <>\"\\,;:()[]") || strings.Contains(address[:at], "@") {
		return "", false
	}
	domain, err := idna.Lookup.ToASCII(address[at+1:])
	if err != nil || domain == "" {
		return "", false
	}
	return address[:at] + "@" + domain, true
}

func isASCII(s string) bool {
	return strings.IndexFunc(s, func(r rune) bool { return r > 126 }) < 0
}

// mime returns the message in the format of RFC 5322.
func (m Message) mime(e envelope) ([]byte, error) {
	msg := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP))
	msg.FromMailAddress(&netmail.Address{Name: m.FromName, Address: e.from})
	msg.ToMailAddress(&netmail.Address{Address: e.to})
	msg.Subject(m.Subject)
	msg.SetDateWithValue(m.Date)
	_, domain, _ := strings.Cut(e.from, "@")
	msg.SetMessageIDWithValue(safeID(m.ID) + "@" + domain)
	msg.SetGenHeader("Content-Language", m.Language)
	// Programs that answer mails, such as those for absences, must not.
	msg.SetGenHeader("Auto-Submitted", "auto-generated")
	msg.SetGenHeader("X-Auto-Response-Suppress", "All")
	msg.SetBodyString(gomail.TypeTextPlain, m.Text)
	if m.HTML != "" {
		msg.AddAlternativeString(gomail.TypeTextHTML, m.HTML)
	}
	var b bytes.Buffer
	if _, err := msg.WriteTo(&b); err != nil {
		return nil, fmt.Errorf("writing the message: %w", err)
	}
	return b.Bytes(), nil
}

// safeID returns an id without the characters that a header or the name of a
// file does not allow.
func safeID(id string) string {
	return strings.Map(func(r rune) rune {
		if r == '-' || r == '_' || r >= '0' && r <= '9' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' {
			return r
		}
		return '-'
	}, id)
}
