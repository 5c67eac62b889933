package web

import (
	"log/slog"
	"net/http"
	"sync/atomic"
)

// forwardedFor is the only header that client addresses are read from.
const forwardedFor = "X-Forwarded-For"

// forwardedHeaders returns the headers by which proxies name their clients.
func forwardedHeaders() []string { return []string{forwardedFor, "Forwarded", "X-Real-Ip"} }

// WarnOfIgnored logs once, and reports each time to ignored, that a request names
// its client in a header that is not read: the peer is not a trusted proxy, or the
// trusted proxy sends another header than X-Forwarded-For. If the peer is a proxy,
// all of its clients count as one, and soon nobody can log in. ignored may be nil.
func WarnOfIgnored(proxies Proxies, log *slog.Logger, ignored func(), next http.Handler) http.Handler {
	var logged atomic.Bool
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if header, advice := proxies.ignores(r); header != "" {
			if ignored != nil {
				ignored()
			}
			if !logged.Swap(true) {
				log.WarnContext(r.Context(), "header of a proxy is ignored", "header", header, "peer", peer(r).String(), "advice", advice)
			}
		}
		next.ServeHTTP(w, r)
	})
}

// ignores returns the header of a request that names its client and is not read.
func (p Proxies) ignores(r *http.Request) (header, advice string) {
	for _, name := range forwardedHeaders() {
		if r.Header[name] == nil {
			continue
		}
		if !p.trusts(peer(r)) {
			return name, "if the peer is a proxy of yours, add it to TRUSTED_PROXIES: without that, all of its clients count as one for rate limits and in the journal"
		}
		if name == forwardedFor {
			return "", ""
		}
		return name, "let the proxy send X-Forwarded-For: without that, all of its clients count as one for rate limits and in the journal"
	}
	return "", ""
}
