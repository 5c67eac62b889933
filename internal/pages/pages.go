// Package pages serves the page at /account, which links in mails lead to.
//
// It owns the page and its files. It contains no use case: the page calls
// /graphql as any client does. A link has its token in the fragment, which
// browsers do not send, and the page sends nothing before a person presses its
// button. Programs that open the links of mails therefore use up nothing.
package pages

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html"
	"net/http"
	"path"
	"strings"
	"time"

	"rekey/internal/web"
)

// AccountPath is the path of the page. Its files are below it.
const AccountPath = "/account"

// policy lets the page load and call only this service. Scripts can write only
// text into it.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; " +
	"form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"

//go:embed assets
var files embed.FS

// Options configure the page.
type Options struct {
	// Service is the name that the page calls the service by.
	Service string
	// CookieMode reports whether a login on the page logs the browser in.
	CookieMode bool
}

// Handlers returns the page and its files, by path. They are served to GET and
// HEAD.
func Handlers(o Options) map[string]http.Handler {
	mode := "off"
	if o.CookieMode {
		mode = "on"
	}
	page := strings.NewReplacer("{{service}}", html.EscapeString(o.Service), "{{cookies}}", mode).Replace(read("account.html"))
	handlers := map[string]http.Handler{AccountPath: file("text/html; charset=utf-8", page)}
	for name, mediaType := range map[string]string{
		"account.css": "text/css; charset=utf-8", "account.js": "text/javascript; charset=utf-8",
		"texts.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
	} {
		handlers[AccountPath+"/"+name] = file(mediaType, read(name))
	}
	return handlers
}

// read returns an embedded file, which is part of the program.
func read(name string) string {
	content, err := files.ReadFile(path.Join("assets", name))
	if err != nil {
		panic("pages: " + err.Error())
	}
	return string(content)
}

// file serves a text. The tag is weak because the same text may be sent
// compressed.
func file(mediaType, text string) http.Handler {
	sum := sha256.Sum256([]byte(text))
	tag := `W/"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
	return web.ReadOnly(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Type", mediaType)
		h.Set("Content-Security-Policy", policy)
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Cache-Control", "no-cache") // a new version must take effect at once
		h.Set("ETag", tag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader([]byte(text)))
	}))
}
