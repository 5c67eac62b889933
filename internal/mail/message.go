package mail

import (
	"errors"
	"html"
	"net/url"
	"regexp"
	"strings"
	"time"
	"unicode"

	"rekey/internal/auth"
)

// A Message is one rendered mail. Text and HTML may contain a secret.
type Message struct {
	ID        string // the same in every attempt
	Kind      auth.MailKind
	Date      time.Time
	FromName  string // or empty
	From      string // an address
	To        string // an address
	Language  string // a BCP 47 tag
	Subject   string
	Text      string
	HTML      string    // or empty
	ExpiresAt time.Time // zero: never
}

// renderer turns mails into messages.
type renderer struct {
	templates *templates
	fromName  string
	from      string
	service   string // the name that mails call the service by
	url       string // its address for people
	zone      *time.Location
}

// render returns the message for a mail. The error is about the mail's content,
// and does not contain it.
func (r *renderer) render(id string, date time.Time, m auth.Mail) (Message, error) {
	if err := needsOf(m.Kind).check(m); err != nil {
		return Message{}, err
	}
	t := r.templates.find(m.Kind, m.Locale)
	values := r.values(wordsOf(t.tag), m)
	out := Message{
		ID: id, Kind: m.Kind, Date: date, FromName: r.fromName, From: r.from, To: m.To, Language: t.tag.String(), ExpiresAt: m.ExpiresAt,
		Subject: oneLine(t.subject.execute(values, asIs)),
		Text:    tidy(t.text.execute(values, asIs)),
	}
	if out.Subject == "" || len(out.Subject) > maxSubjectBytes {
		return Message{}, errors.New("the subject is empty or too long")
	}
	if t.hasHTML {
		escaped := map[string]string{
			"content": t.html.execute(values, html.EscapeString), "subject": html.EscapeString(out.Subject), "language": html.EscapeString(out.Language),
			"service": html.EscapeString(values["service"]), "url": html.EscapeString(values["url"]),
		}
		out.HTML = t.layout.execute(escaped, asIs)
	}
	return out, nil
}

// values returns the values of all placeholders. None contains a control
// character.
func (r *renderer) values(w words, m auth.Mail) map[string]string {
	values := map[string]string{
		"service": r.service, "url": r.url, "email": m.To, "name": greetable(m.Name), "other": m.Other,
		"link": m.Link, "code": m.Code, "time": w.moment(r.local(m.At)), "device": device(m.Client.UserAgent), "address": m.Client.Address,
		"expires": w.moment(r.local(m.ExpiresAt)), "code_expires": w.moment(r.local(m.CodeExpiresAt)),
	}
	if !m.At.IsZero() {
		values["lifetime"] = w.lifetime(m.ExpiresAt.Sub(m.At))
		values["code_lifetime"] = w.lifetime(m.CodeExpiresAt.Sub(m.At))
	}
	for name, value := range values {
		values[name] = clean(value)
	}
	return values
}

func (r *renderer) local(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return t.In(r.zone)
}

// clean removes line breaks and everything else that has no ink, so that a value
// cannot begin a header or a paragraph.
func clean(s string) string {
	return strings.Map(func(r rune) rune {
		if !unicode.IsGraphic(r) || r == '\u2028' || r == '\u2029' {
			return -1
		}
		return r
	}, strings.ToValidUTF8(s, ""))
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }

var blankLines = regexp.MustCompile(`\n{3,}`)

// tidy leaves at most one blank line where sections were omitted.
func tidy(s string) string {
	var lines []string
	for line := range strings.Lines(s) {
		lines = append(lines, strings.TrimRightFunc(line, unicode.IsSpace))
	}
	return strings.Trim(blankLines.ReplaceAllString(strings.Join(lines, "\n"), "\n\n"), "\n") + "\n"
}

// isWebURL reports whether a link may be in a mail.
func isWebURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && clean(s) == s && !strings.ContainsAny(s, " <>\"")
}
