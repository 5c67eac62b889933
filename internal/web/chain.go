// Package web is the HTTP that all transports share: the client's address, the
// headers of every answer, CORS, compression, the access log, the answer after
// a panic, the limit on bodies, health, a server that drains, the server for
// operators, and the documents under /.well-known.
//
// It contains no use case. It does not know the form of a transport's answers:
// the caller passes a renderer for the answer after a panic, the only error
// that is answered here.
package web

import (
	"log/slog"
	"net/http"
	"time"
)

// MaxBodyBytes is the maximum length of a request's body.
const MaxBodyBytes = 64 << 10

// Options configure the middlewares of a Chain.
type Options struct {
	Log     *slog.Logger
	Now     func() time.Time
	Proxies Proxies
	CORS    CORSOptions
	// RequestTimeout limits the time of every request that does not stay open; 0:
	// no limit.
	RequestTimeout time.Duration
	// RenderError writes the answer after a panic; nil writes JSON.
	RenderError RenderError
	// Answered is called after every answer, for metrics. It may be nil.
	Answered Answered
	// LimitHeaders reports whether answers at a path have the RateLimit
	// headers. If it is nil, all answers have them.
	LimitHeaders func(path string) bool
	// Legacy reports whether answers at a path have exactly the headers of the
	// legacy service. If it is nil, all answers have.
	Legacy func(path string) bool
	// Trace starts the trace of a request. It may be nil.
	Trace Trace
	// ForwardedIgnored is called for every request that names its client in a
	// header that is not read (see WarnOfIgnored), for metrics. It may be nil.
	ForwardedIgnored func()
}

// Chain wraps a handler in the middlewares, listed from the outermost:
//
//	body limit      needs net/http's own writer
//	client          gives the request its id, which all others log
//	ignored headers logs once that a proxy is not trusted
//	access log      sees every answer
//	headers         are set before anything can answer
//	CORS            answers preflights
//	gzip
//	time limit
//	recover         inside gzip, so that the answer after a panic is
//	                compressed like any other; a panic further out is in this
//	                package, where net/http's own recovery is enough
//	handler
func Chain(handler http.Handler, o Options) http.Handler {
	handler = Recover(o.Log, o.RenderError, handler)
	handler = Timeout(o.RequestTimeout, handler)
	handler = Gzip(handler)
	handler = CORS(o.CORS, o.Legacy, handler)
	handler = Headers(o.Proxies, o.Legacy, handler)
	handler = AccessLog(o, handler)
	handler = WarnOfIgnored(o.Proxies, o.Log, o.ForwardedIgnored, handler)
	handler = Client(o.Proxies, handler)
	return BodyLimit(MaxBodyBytes, handler)
}

// BodyLimit lets handlers read at most n bytes of a body. Reading further fails
// with *http.MaxBytesError, which each transport answers in its own form. This
// middleware must be outside of those that wrap the writer: net/http then also
// closes the connection and does not read the rest.
func BodyLimit(n int64, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, n)
		next.ServeHTTP(w, r)
	})
}
