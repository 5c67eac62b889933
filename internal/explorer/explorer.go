// Package explorer is the page at /: GraphiQL, with a panel that shows what
// rotation does to a session.
//
// It owns the page and its files, whose source is ui/, and the paths that they
// are served at. It contains no use case: the page calls /graphql as any client
// does, and the program works without it.
package explorer

import (
	"embed"
	"io/fs"
	"net/http"
	"strings"
)

// files are the output of ui/build.mjs. A file named NAME.br is NAME compressed
// with brotli.
//
//go:embed assets
var files embed.FS

const (
	prefix = "/explorer/"
	// policy lets the page load and call only this service. Monaco, its editor,
	// writes styles into the page.
	policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self'; " +
		"connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// Options configure the page.
type Options struct {
	// Inbox reports whether the page links to the inbox.
	Inbox bool
}

// New returns a handler that serves the page at / and its files under
// /explorer/, to GET and HEAD and by their exact names. It passes every other
// request to next.
func New(next http.Handler, o Options) http.Handler {
	assets := load()
	if o.Inbox {
		assets["/"].replace(`data-inbox="off"`, `data-inbox="on"`)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets[r.URL.EscapedPath()]
		if !ok || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
			next.ServeHTTP(w, r)
			return
		}
		a.ServeHTTP(w, r)
	})
}

// FromBrowser returns the handler of the API's path: it sends a person who opens
// the path in a browser to the page, and passes every other request to api.
func FromBrowser(api http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		opened := (r.Method == http.MethodGet || r.Method == http.MethodHead) && r.URL.RawQuery == "" &&
			strings.Contains(r.Header.Get("Accept"), "text/html")
		if !opened {
			api.ServeHTTP(w, r)
			return
		}
		w.Header().Add("Vary", "Accept")
		http.Redirect(w, r, "/", http.StatusSeeOther)
	})
}

// load returns all assets by the path that each is served at.
func load() map[string]*asset {
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		panic("explorer: " + err.Error()) // the files are part of the program
	}
	assets := make(map[string]*asset, len(entries))
	for _, e := range entries {
		name := strings.TrimSuffix(e.Name(), ".br")
		a := newAsset(name, "assets/"+e.Name())
		a.header["Content-Security-Policy"] = policy // a worker obeys that of its own file
		switch name {
		case "index.html":
			// The page names the other files, so browsers must revalidate it.
			a.header["Cache-Control"] = "no-cache"
			a.header["Cross-Origin-Opener-Policy"] = "same-origin"
			a.header["Referrer-Policy"] = "no-referrer"
			assets["/"] = a
		case "sources.sha256": // only for the test
		default:
			assets[prefix+name] = a
		}
	}
	return assets
}
