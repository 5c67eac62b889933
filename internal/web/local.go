package web

import (
	"net/http"
	"net/netip"
	"net/url"
	"strings"
)

// LocalOnly passes requests on of people who use this machine: the client has a
// loopback address, and reaches the service by one or by localhost. It answers 421
// to other names, because a page in a browser on this machine could otherwise
// read the answer by a name of its own that leads here (DNS rebinding), and 403 to
// other clients and to pages of other origins. It removes the headers of CORS. A
// client behind a proxy that is not trusted is unknown, and refused.
func LocalOnly(proxies Proxies, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		for name := range h {
			if strings.HasPrefix(name, "Access-Control-") {
				h.Del(name)
			}
		}
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		ignored, _ := proxies.ignores(r)
		switch {
		case !isLocalName(hostOf(r.Host)):
			http.Error(w, "this is served only as localhost", http.StatusMisdirectedRequest)
		case ignored != "" || !proxies.ClientAddress(r).IsLoopback():
			http.Error(w, "this is served only to clients on the same machine", http.StatusForbidden)
		case foreignPage(r):
			http.Error(w, "this is not served to pages of other origins", http.StatusForbidden)
		default:
			next.ServeHTTP(w, r)
		}
	})
}

// isLocalName reports whether a host name always means this machine.
func isLocalName(host string) bool {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && addr.Unmap().IsLoopback()
}

// foreignPage reports whether a page of another origin made the browser send the
// request. Opening a link in a tab of its own is not such a request: the page does
// not see the answer.
func foreignPage(r *http.Request) bool {
	if origin := r.Header.Get("Origin"); origin != "" {
		u, err := url.Parse(origin)
		return err != nil || !strings.EqualFold(u.Host, r.Host)
	}
	opened := r.Header.Get("Sec-Fetch-Mode") == "navigate" && r.Header.Get("Sec-Fetch-Dest") == "document"
	switch r.Header.Get("Sec-Fetch-Site") {
	case "", "none", "same-origin":
		return false
	}
	return !opened
}
