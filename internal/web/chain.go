package web

import (
	"log/slog"
	"net/http"
	"time"
)

// Options are what the middlewares of a Chain need.
type Options struct {
	Log     *slog.Logger
	Now     func() time.Time
	Proxies Proxies
	// Origins are the origins whose pages may call; "*" is any.
	Origins []string
	// Credentials lets pages of the origins, but not of "*", send cookies.
	Credentials bool
	// RenderError answers a panic; nil answers JSON.
	RenderError RenderError
	// Answered is told of every answer, for metrics; it may be nil.
	Answered Answered
	// TellLimits says whether answers at a path have the RateLimit headers; nil:
	// all have.
	TellLimits func(path string) bool
	// Trace begins the trace of a request; it may be nil.
	Trace Trace
}

// Chain puts the middlewares around a handler, the outermost first:
//
//	body limit      needs net/http's own writer
//	client          gives the request its id, which all others log
//	access log      sees every answer
//	headers         are set before anything can answer
//	CORS            answers preflights
//	gzip
//	recover         inside of gzip, so that the answer after a panic is
//	                compressed like any other; outside of it there is only
//	                what is in this package, where net/http's recover is enough
//	handler
func Chain(handler http.Handler, o Options) http.Handler {
	handler = Recover(o.Log, o.RenderError, handler)
	handler = Gzip(handler)
	handler = CORS(o.Origins, o.Credentials, handler)
	handler = Headers(o.Proxies, handler)
	handler = AccessLog(o, handler)
	handler = Client(o.Proxies, handler)
	return BodyLimit(MaxBodyBytes, handler)
}
