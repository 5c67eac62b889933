package web

import (
	"bufio"
	"net"
	"net/http"

	"rekey/internal/auth"
)

// recorder records the status and the length of an answer.
type recorder struct {
	http.ResponseWriter
	status int // 0 until the answer begins
	bytes  int64

	quotas *auth.Quotas // the limits that the headers report; nil: none
}

// begin records the final status, once, and sets the headers about limits.
func (r *recorder) begin(status int) {
	if r.status != 0 {
		return
	}
	r.status = status
	setQuotas(r.Header(), r.quotas.Noted())
}

// WriteHeader records the final status. Informational statuses (1xx) are passed
// on, except 101, after which the connection no longer speaks HTTP.
func (r *recorder) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		r.begin(status)
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (r *recorder) Write(b []byte) (int, error) {
	r.begin(http.StatusOK)
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Flush sends what is written so far, where the writer can.
func (r *recorder) Flush() {
	if f, ok := r.ResponseWriter.(http.Flusher); ok {
		r.begin(http.StatusOK)
		f.Flush()
	}
}

// Hijack hands the connection over, where the writer can.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// Unwrap returns the writer for http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
