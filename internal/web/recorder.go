package web

import (
	"bufio"
	"net"
	"net/http"

	"rekey/internal/auth"
)

// recorder notes what is answered.
type recorder struct {
	http.ResponseWriter
	status int // 0 while nothing is answered
	bytes  int64

	quotas *auth.Quotas // what the answer tells of limits; nil: nothing
}

// begins notes the final status, once, and has its headers tell of limits.
func (r *recorder) begins(status int) {
	if r.status != 0 {
		return
	}
	r.status = status
	tellQuotas(r.Header(), r.quotas.Noted())
}

// WriteHeader notes the final status; informational ones (1xx) pass, but for
// 101, after which the connection is no longer HTTP's.
func (r *recorder) WriteHeader(status int) {
	if status >= http.StatusOK || status == http.StatusSwitchingProtocols {
		r.begins(status)
	}
	r.ResponseWriter.WriteHeader(status)
}

// Write implements io.Writer.
func (r *recorder) Write(b []byte) (int, error) {
	r.begins(http.StatusOK)
	n, err := r.ResponseWriter.Write(b)
	r.bytes += int64(n)
	return n, err
}

// Flush passes on what is written so far, where that is possible.
func (r *recorder) Flush() {
	if f, ok := r.ResponseWriter.(http.Flusher); ok {
		r.begins(http.StatusOK)
		f.Flush()
	}
}

// Hijack hands the connection over, where that is possible. It stands here
// because gzhttp looks for it one wrapper deep and no deeper.
func (r *recorder) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	return http.NewResponseController(r.ResponseWriter).Hijack()
}

// Unwrap serves http.ResponseController.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
