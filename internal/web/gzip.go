package web

import (
	"compress/gzip"
	"net/http"
	"strings"
	"sync"
)

// Gzip compresses every body for clients that accept gzip, whatever its size
// and type, as the legacy service did. It leaves answers without a body alone,
// and streams of events, because each event must arrive when it happens.
//
// Compressing a secret beside text that an attacker chooses can reveal the
// secret by the length (BREACH), if somebody who cannot read the answer can
// request the same secret many times. Here every rotation answers a new secret,
// and a page of another origin cannot make the browser add the bearer token.
// Random padding is therefore not needed. It would be needed if answers to
// requests with cookies repeated a secret.
func Gzip(next http.Handler) http.Handler {
	writers := &sync.Pool{New: func() any {
		w, _ := gzip.NewWriterLevel(nil, gzip.BestSpeed) // a valid level
		return w
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead || !AcceptsEncoding(r, "gzip") {
			next.ServeHTTP(w, r)
			return
		}
		g := &gzipWriter{ResponseWriter: w, writers: writers}
		next.ServeHTTP(g, r)
		g.end() // not after a panic: the client must not take half an answer for a whole one
	})
}

// AcceptsEncoding reports whether a client names a content coding in
// Accept-Encoding, and does not refuse it by a weight of zero.
func AcceptsEncoding(r *http.Request, coding string) bool {
	for part := range strings.SplitSeq(strings.Join(r.Header.Values("Accept-Encoding"), ","), ",") {
		name, weight, weighted := strings.Cut(part, ";")
		if strings.EqualFold(strings.TrimSpace(name), coding) {
			return !weighted || strings.ContainsAny(weight, "123456789")
		}
	}
	return false
}

// gzipWriter sends the status with the first byte of the body, when it knows
// whether to compress.
type gzipWriter struct {
	http.ResponseWriter
	writers *sync.Pool
	status  int // of the handler; 0 until there is one
	sent    bool
	gzip    *gzip.Writer // nil if the body is not compressed
}

// WriteHeader keeps the final status for later. Informational statuses (1xx) are
// sent at once.
func (g *gzipWriter) WriteHeader(status int) {
	switch {
	case status == http.StatusSwitchingProtocols:
		g.sent = true
		fallthrough
	case status < http.StatusOK:
		g.ResponseWriter.WriteHeader(status)
	case g.status == 0:
		g.status = status
	}
}

// Write implements io.Writer.
func (g *gzipWriter) Write(b []byte) (int, error) {
	if g.status == 0 {
		g.status = http.StatusOK
	}
	if len(b) == 0 {
		return 0, nil
	}
	if !g.sent {
		g.begin(b)
	}
	if g.gzip == nil {
		return g.ResponseWriter.Write(b)
	}
	return g.gzip.Write(b)
}

// begin sends the header of an answer whose body begins with b.
func (g *gzipWriter) begin(b []byte) {
	h := g.Header()
	if h.Get("Content-Type") == "" {
		h.Set("Content-Type", http.DetectContentType(b)) // net/http would look at compressed bytes
	}
	events := strings.HasPrefix(h.Get("Content-Type"), "text/event-stream")
	bodyless := g.status == http.StatusNoContent || g.status == http.StatusNotModified
	if !events && !bodyless && h.Get("Content-Encoding") == "" && h.Get("Content-Range") == "" {
		h.Del("Content-Length")
		h.Del("Accept-Ranges")
		h.Set("Content-Encoding", "gzip")
		g.gzip, _ = g.writers.Get().(*gzip.Writer)
		g.gzip.Reset(g.ResponseWriter)
	}
	g.send()
}

func (g *gzipWriter) send() {
	g.sent = true
	g.ResponseWriter.WriteHeader(g.status)
}

// Flush sends what is written so far. A body that begins after it is not
// compressed.
func (g *gzipWriter) Flush() {
	if g.status == 0 {
		g.status = http.StatusOK
	}
	if !g.sent {
		g.send()
	}
	if g.gzip != nil {
		_ = g.gzip.Flush() // the client may have left
	}
	_ = http.NewResponseController(g.ResponseWriter).Flush()
}

// end completes the answer.
func (g *gzipWriter) end() {
	if g.status != 0 && !g.sent {
		g.send()
	}
	if g.gzip != nil {
		_ = g.gzip.Close() // the client may have left
		g.writers.Put(g.gzip)
	}
}

// Unwrap returns the writer for http.ResponseController.
func (g *gzipWriter) Unwrap() http.ResponseWriter { return g.ResponseWriter }
