package explorer

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"

	"github.com/andybalholm/brotli"

	"rekey/internal/web"
)

// asset is one file of the page. Nothing of it is in memory before its first
// visit. Each form is then kept: decompressing or compressing megabytes at every
// visit would be work that strangers can ask for.
type asset struct {
	header map[string]string // of every answer
	brotli bool              // whether the stored form is compressed
	stored func() []byte
	plain  func() []byte
	gzip   func() []byte // for browsers that accept brotli only over https
	tag    func() string // of the stored form
}

// newAsset returns the asset with a name that is embedded at a path.
func newAsset(name, path string) *asset {
	a := &asset{
		header: map[string]string{
			"Content-Type":  mediaType(name),
			"Cache-Control": "public, max-age=31536000, immutable", // the name contains a hash
		},
		brotli: strings.HasSuffix(path, ".br"),
	}
	stored := sync.OnceValue(func() []byte { return must(files.ReadFile(path)) })
	a.stored, a.plain = stored, stored
	if a.brotli {
		a.plain = sync.OnceValue(func() []byte {
			return must(io.ReadAll(brotli.NewReader(bytes.NewReader(stored()))))
		})
	}
	a.gzip = sync.OnceValue(func() []byte {
		var compressed bytes.Buffer
		w := must(gzip.NewWriterLevel(&compressed, gzip.BestCompression))
		_, _ = w.Write(a.plain()) // memory takes everything
		_ = w.Close()
		return compressed.Bytes()
	})
	a.tag = sync.OnceValue(func() string {
		sum := sha256.Sum256(a.stored())
		return base64.RawURLEncoding.EncodeToString(sum[:12])
	})
	return a
}

// replace changes a text of the file. The result is stored as it is.
func (a *asset) replace(old, text string) {
	content := a.plain
	a.brotli = false
	a.stored = sync.OnceValue(func() []byte { return bytes.ReplaceAll(content(), []byte(old), []byte(text)) })
	a.plain = a.stored
}

// must returns the value. There is no error unless the build of the program is
// broken, because it contains the files.
func must[T any](value T, err error) T {
	if err != nil {
		panic("explorer: " + err.Error())
	}
	return value
}

// mediaType returns the type of a file. It does not use the machine's tables,
// which differ.
func mediaType(name string) string {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".css":
		return "text/css; charset=utf-8"
	case ".txt":
		return "text/plain; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	case ".ttf", ".woff", ".woff2":
		return "font/" + path.Ext(name)[1:]
	case ".png":
		return "image/png"
	}
	return "application/octet-stream"
}

// ServeHTTP answers GET and HEAD, and 304 if the client has the file. A client
// that accepts brotli gets the file as it is stored.
func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, value := range a.header {
		h.Set(name, value)
	}
	content, encoding := a.plain, ""
	switch {
	case !a.brotli:
	case web.AcceptsEncoding(r, "br"):
		content, encoding = a.stored, "br"
	case web.AcceptsEncoding(r, "gzip"):
		content, encoding = a.gzip, "gzip"
	}
	tag := a.tag()
	if encoding != "" {
		h.Set("Content-Encoding", encoding)
		tag += "-" + encoding
	}
	h.Set("ETag", `"`+tag+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content()))
}
