//go:build faults

package fault

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"sync/atomic"
)

// request collects facts about a request while it is served.
type request struct {
	legacy  bool        // it is on the legacy refresh route, with any outcome
	refresh atomic.Bool // it presented a refresh token that verified
	rotated atomic.Bool // it rotated a session
}

type requestKey struct{}

// requestFrom returns nil outside of requests.
func requestFrom(ctx context.Context) *request {
	r, _ := ctx.Value(requestKey{}).(*request)
	return r
}

const legacyRefresh = "/auth/refresh"

type handler struct {
	next   http.Handler
	points points
}

// ServeHTTP marks the request and observes its answer.
func (h handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	mark := &request{legacy: r.Method == http.MethodGet && r.URL.EscapedPath() == legacyRefresh}
	h.next.ServeHTTP(&writer{ResponseWriter: w, points: h.points, request: mark}, r.WithContext(context.WithValue(r.Context(), requestKey{}, mark)))
}

// writer contains the failpoints of the answer.
type writer struct {
	http.ResponseWriter
	points  points
	request *request
	begun   bool // the first byte has passed
	bodied  bool // and the body's
}

// WriteHeader implements http.ResponseWriter.
func (w *writer) WriteHeader(status int) {
	w.begin()
	w.ResponseWriter.WriteHeader(status)
}

// Write splits the first write if a failpoint is due in between. Both transports
// write a body with one call.
func (w *writer) Write(b []byte) (int, error) {
	w.begin()
	if w.bodied || !w.answersRefresh() {
		return w.ResponseWriter.Write(b)
	}
	w.bodied = true
	o := w.points.strike(midBody)
	if o == nil {
		return w.ResponseWriter.Write(b)
	}
	n, err := w.ResponseWriter.Write(b[:len(b)/2])
	if err == nil {
		err = http.NewResponseController(w.ResponseWriter).Flush()
	}
	w.points.do(*o)
	if err != nil {
		return n, err
	}
	rest, err := w.ResponseWriter.Write(b[n:])
	return n + rest, err
}

// Flush flushes, for handlers that do not use an http.ResponseController.
func (w *writer) Flush() {
	_ = http.NewResponseController(w.ResponseWriter).Flush() // without a flush it is sent at the end
}

// Hijack takes over the connection, if that is possible.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(w.ResponseWriter).Hijack()
}

// Unwrap serves http.ResponseController.
func (w *writer) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *writer) begin() {
	if !w.begun && w.answersRefresh() {
		w.points.hit(beforeFirstByte)
	}
	w.begun = true
}

func (w *writer) answersRefresh() bool { return w.request.legacy || w.request.rotated.Load() }
