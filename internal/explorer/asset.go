package explorer

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"path"
	"strings"
	"sync"
	"time"
)

// asset is one file of the page. It is read at its first visit.
type asset struct {
	header map[string]string // what it is served with
	tag    func() string     // of its contents
	plain  func() []byte
	// packed is the file compressed, once, at its first visit: compressing two
	// megabytes a visit is work that strangers could ask for. Nil for what does
	// not get smaller.
	packed func() []byte
}

func newAsset(name string, contents func() []byte) *asset {
	contentType, compressible := mediaType(name)
	a := &asset{
		header: map[string]string{
			"Content-Type":  contentType,
			"Cache-Control": "public, max-age=31536000, immutable", // its name has its hash
		},
		tag:   sync.OnceValue(func() string { return tagOf(contents()) }),
		plain: contents,
	}
	if compressible {
		a.packed = sync.OnceValue(func() []byte { return compress(contents()) })
	}
	return a
}

// newPage is the document itself, which names the others: browsers ask for it
// anew each time.
func newPage(contents func() []byte) *asset {
	a := newAsset("index.html", contents)
	a.header["Cache-Control"] = "no-cache"
	a.header["Content-Security-Policy"] = policy
	a.header["Cross-Origin-Opener-Policy"] = "same-origin"
	a.header["Referrer-Policy"] = "no-referrer"
	return a
}

func tagOf(contents []byte) string {
	sum := sha256.Sum256(contents)
	return base64.RawURLEncoding.EncodeToString(sum[:12])
}

// mediaType does not ask the machine's tables, which differ.
func mediaType(name string) (contentType string, compressible bool) {
	switch path.Ext(name) {
	case ".html":
		return "text/html; charset=utf-8", true
	case ".js":
		return "text/javascript; charset=utf-8", true
	case ".css":
		return "text/css; charset=utf-8", true
	case ".txt":
		return "text/plain; charset=utf-8", true
	case ".svg":
		return "image/svg+xml", true
	case ".ttf":
		return "font/ttf", true
	case ".woff", ".woff2":
		return "font/" + path.Ext(name)[1:], false
	case ".png":
		return "image/png", false
	}
	return "application/octet-stream", false
}

// ServeHTTP answers GET and HEAD, 304 to those who have the file.
func (a *asset) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	for name, value := range a.header {
		h.Set(name, value)
	}
	body := a.plain()
	h.Set("ETag", `"`+a.tag()+`"`)
	if a.packed != nil && acceptsGzip(r) {
		body = a.packed()
		h.Set("ETag", `"`+a.tag()+`-gzip"`)
		h.Set("Content-Encoding", "gzip")
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(body))
}

// acceptsGzip reports whether a client names gzip without refusing it by a
// weight of zero.
func acceptsGzip(r *http.Request) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		coding, weight, weighted := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
			return !weighted || strings.ContainsAny(weight, "123456789")
		}
	}
	return false
}

func compress(contents []byte) []byte {
	var packed bytes.Buffer
	// Writing to memory does not fail, and the level is a valid one.
	w, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	_, _ = w.Write(contents)
	_ = w.Close()
	return packed.Bytes()
}
