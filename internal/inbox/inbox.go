// Package inbox is the page at /explorer/inbox: the mails that rekey has written
// to files in development, so that a person can try everything that needs mail
// without a mail server.
//
// It owns the page and reads the files. It is for development only, and serves
// only clients on the same machine, because mails contain one-time secrets.
package inbox

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"

	"rekey/internal/web"
)

// Path is the path of the page. Everything else is below it.
const Path = "/explorer/inbox"

const (
	// pagePolicy lets the page load and call only this service.
	pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; frame-src 'self'; " +
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
	// mailPolicy lets a mail use its own styles, and nothing else.
	mailPolicy = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'; sandbox"
)

//go:embed assets
var files embed.FS

// Options configure the inbox.
type Options struct {
	// Directory has the mails. It need not exist.
	Directory string
	Proxies   web.Proxies
	Logger    *slog.Logger
}

// New returns a handler that serves the inbox, and passes every request for
// something else to next.
func New(o Options, next http.Handler) http.Handler {
	i := &inbox{mails: directory(o.Directory), log: o.Logger, next: next}
	own := web.LocalOnly(o.Proxies, web.ReadOnly(i))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if path := r.URL.EscapedPath(); path != Path && !strings.HasPrefix(path, Path+"/") {
			next.ServeHTTP(w, r)
			return
		}
		own.ServeHTTP(w, r)
	})
}

type inbox struct {
	mails directory
	log   *slog.Logger
	next  http.Handler
}

// ServeHTTP serves the page, its files, the list of mails, a mail, and its HTML.
func (i *inbox) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Cache-Control", "no-store")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Content-Security-Policy", pagePolicy)
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	name, below := strings.CutPrefix(r.URL.EscapedPath(), Path+"/mails/")
	mail, asHTML := strings.CutSuffix(name, "/html")
	switch {
	case r.URL.EscapedPath() == Path:
		i.file(w, "inbox.html", "text/html; charset=utf-8")
	case r.URL.EscapedPath() == Path+"/inbox.js":
		i.file(w, "inbox.js", "text/javascript; charset=utf-8")
	case r.URL.EscapedPath() == Path+"/inbox.css":
		i.file(w, "inbox.css", "text/css; charset=utf-8")
	case r.URL.EscapedPath() == Path+"/icon.svg":
		i.file(w, "icon.svg", "image/svg+xml")
	case r.URL.EscapedPath() == Path+"/mails":
		mails, err := i.mails.list()
		i.answer(w, r, mails, err)
	case below && asHTML:
		i.html(w, r, mail)
	case below:
		m, err := i.mails.read(name)
		i.answer(w, r, m, err)
	default:
		i.next.ServeHTTP(w, r)
	}
}

func (i *inbox) file(w http.ResponseWriter, name, mediaType string) {
	content, err := files.ReadFile("assets/" + name)
	if err != nil {
		panic("inbox: " + err.Error()) // the files are part of the program
	}
	w.Header().Set("Content-Type", mediaType)
	_, _ = w.Write(content) // the client may have left
}

// answer writes a value as JSON.
func (i *inbox) answer(w http.ResponseWriter, r *http.Request, value any, err error) {
	if err != nil {
		i.refuse(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(value) // the client may have left
}

// html writes the HTML of a mail, for a frame of the page.
func (i *inbox) html(w http.ResponseWriter, r *http.Request, name string) {
	m, err := i.mails.read(name)
	if err != nil {
		i.refuse(w, r, err)
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Security-Policy", mailPolicy)
	h.Set("X-Frame-Options", "SAMEORIGIN")
	_, _ = w.Write([]byte(m.html)) // the client may have left
}

func (i *inbox) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(err, fs.ErrNotExist) {
		http.Error(w, "there is no such mail", http.StatusNotFound)
		return
	}
	i.log.WarnContext(r.Context(), "mail of the inbox cannot be read; check the files in DATA_DIR/mail", "error", err)
	http.Error(w, "the mail cannot be read: see the log", http.StatusInternalServerError)
}
