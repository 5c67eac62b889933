package inbox

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	netmail "net/mail"
	"os"
	"regexp"
	"slices"
	"strings"
	"time"
)

const (
	extension    = ".eml"
	maxMailBytes = 1 << 20
)

// directory is the path of a directory with mails. The name of each is
// TIME-KIND-ID.eml, so that names sort by time.
type directory string

// A summary describes a mail in the list.
type summary struct {
	Name    string    `json:"name"`
	Kind    string    `json:"kind"`
	Subject string    `json:"subject"`
	To      string    `json:"to"`
	At      time.Time `json:"at"`
}

// A letter is a mail with its content.
type letter struct {
	summary
	Text    string `json:"text"`
	Link    string `json:"link"` // or empty
	HasHTML bool   `json:"hasHTML"`
	html    string
}

// list returns the mails, newest first. It omits files that are not mails.
func (d directory) list() ([]summary, error) {
	all := []summary{}
	entries, err := os.ReadDir(string(d))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("listing mails: %w", err)
	}
	for _, e := range slices.Backward(entries) {
		m, err := d.open(e.Name(), func(summary, *netmail.Message) error { return nil })
		if err == nil {
			all = append(all, m)
		}
	}
	return all, nil
}

// read returns one mail. It returns fs.ErrNotExist if the name is not that of a
// mail in the directory.
func (d directory) read(name string) (letter, error) {
	var l letter
	s, err := d.open(name, func(_ summary, m *netmail.Message) error { return l.readBody(m) })
	l.summary = s
	if err != nil {
		return letter{}, err
	}
	l.Link = linkIn(l.Text)
	l.HasHTML = l.html != ""
	return l, nil
}

// open opens a file in the directory, never one outside of it.
func (d directory) open(name string, use func(summary, *netmail.Message) error) (summary, error) {
	written, rest, _ := strings.Cut(name, "-")
	kind, _, named := strings.Cut(rest, "-")
	if !named || !strings.HasSuffix(name, extension) {
		return summary{}, fmt.Errorf("finding a mail: %w", fs.ErrNotExist)
	}
	root, err := os.OpenRoot(string(d))
	if err != nil {
		return summary{}, fmt.Errorf("opening the directory of mails: %w", err)
	}
	defer func() { _ = root.Close() }() // it was only read
	f, err := root.Open(name)
	if err != nil {
		return summary{}, fmt.Errorf("opening a mail: %w", errors.Join(err, fs.ErrNotExist))
	}
	defer func() { _ = f.Close() }() // it was only read
	m, err := netmail.ReadMessage(io.LimitReader(f, maxMailBytes))
	if err != nil {
		return summary{}, fmt.Errorf("reading the mail %s-%s: %w", written, kind, err)
	}
	s := summary{Name: name, Kind: kind, Subject: m.Header.Get("Subject")}
	if decoded, err := new(mime.WordDecoder).DecodeHeader(s.Subject); err == nil {
		s.Subject = decoded
	}
	if to, err := netmail.ParseAddress(m.Header.Get("To")); err == nil {
		s.To = to.Address
	}
	s.At, _ = m.Header.Date() // otherwise it is unknown
	return s, use(s, m)
}

// readBody reads the text and the HTML of a mail.
func (l *letter) readBody(m *netmail.Message) error {
	mediaType, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("reading the type of a mail: %w", err)
	}
	if !strings.HasPrefix(mediaType, "multipart/") {
		body := m.Body
		if strings.EqualFold(m.Header.Get("Content-Transfer-Encoding"), "quoted-printable") {
			body = quotedprintable.NewReader(body)
		}
		return l.readPart(mediaType, body)
	}
	parts := multipart.NewReader(m.Body, params["boundary"])
	for {
		part, err := parts.NextPart() // it decodes quoted-printable
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading a part of a mail: %w", err)
		}
		partType, _, _ := mime.ParseMediaType(part.Header.Get("Content-Type")) // an unknown type is skipped
		if err := l.readPart(partType, part); err != nil {
			return err
		}
	}
}

func (l *letter) readPart(mediaType string, body io.Reader) error {
	text, err := io.ReadAll(body)
	if err != nil {
		return fmt.Errorf("reading a part of a mail: %w", err)
	}
	switch mediaType {
	case "text/plain":
		l.Text = strings.ReplaceAll(string(text), "\r\n", "\n")
	case "text/html":
		l.html = string(text)
	}
	return nil
}

// oneTimeLink matches a link with a token in its fragment.
var oneTimeLink = regexp.MustCompile(`https?://[^\s<>"#]+#[a-z_]+=[\w-]+`)

// linkIn returns the link that a mail wants to be followed, or "".
func linkIn(text string) string { return oneTimeLink.FindString(text) }
