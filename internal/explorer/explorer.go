package explorer

import (
	"embed"
	"io/fs"
	"net/http"
	"path"
	"sync"
)

// files are what ui/build.mjs makes of ui/src.
//
//go:embed assets
var files embed.FS

const (
	prefix = "/explorer/"
	// policy lets the page load and ask nothing but this service. Monaco, its
	// editor, writes styles into the page.
	policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; font-src 'self'; img-src 'self'; " +
		"connect-src 'self'; worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// New returns a handler that serves the page at / and its files under
// /explorer/, to GET and HEAD and by their exact names. Everything else is
// next's.
func New(next http.Handler) http.Handler {
	assets := load()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := assets[r.URL.Path]
		if !ok || (r.Method != http.MethodGet && r.Method != http.MethodHead) {
			next.ServeHTTP(w, r)
			return
		}
		a.ServeHTTP(w, r)
	})
}

// load finds all assets, by the path that each is served at. It reads none:
// they are some megabytes, which a service that nobody visits need not have in
// memory.
func load() map[string]*asset {
	entries, err := fs.ReadDir(files, "assets")
	if err != nil {
		panic("explorer: " + err.Error()) // it is part of the program
	}
	assets := make(map[string]*asset, len(entries))
	for _, e := range entries {
		contents := sync.OnceValue(func() []byte { return read(e.Name()) })
		switch e.Name() {
		case "index.html":
			assets["/"] = newPage(contents)
		case "sources.sha256": // for the test alone
		default:
			assets[prefix+e.Name()] = newAsset(e.Name(), contents)
		}
	}
	return assets
}

func read(name string) []byte {
	contents, err := files.ReadFile(path.Join("assets", name))
	if err != nil {
		panic("explorer: " + err.Error())
	}
	return contents
}
