package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the peers whose X-Forwarded-* headers count. From anybody else
// they are ignored: a client could choose its address, and with it whom its
// rate limits hit.
type Proxies []netip.Prefix

// ClientAddress returns the address that the request comes from, IPv4 never
// mapped into IPv6. That is the peer, unless the peer is a trusted proxy: then
// X-Forwarded-For is read from the right, where trusted proxies append, up to
// the first address that is not trusted. A malformed entry ends the reading,
// and the last proxy read is the client. The zero Addr when the peer has none.
func (p Proxies) ClientAddress(r *http.Request) netip.Addr {
	client := peer(r)
	if !p.trusts(client) {
		return client
	}
	// Several headers are one list (RFC 9110 section 5.3).
	for _, header := range slices.Backward(r.Header.Values("X-Forwarded-For")) {
		for more := true; more; {
			var entry string
			header, entry, more = cutLast(header)
			addr, ok := forwarded(entry)
			if !ok {
				return client
			}
			if client = addr; !p.trusts(client) {
				return client
			}
		}
	}
	return client
}

// cutLast cuts the last entry off a comma list. A long list is not split as a
// whole: most of it may be the client's invention.
func cutLast(list string) (rest, entry string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", strings.TrimSpace(list), false
	}
	return list[:i], strings.TrimSpace(list[i+1:]), true
}

// HTTPS reports whether the client speaks https: to this process, or to the
// trusted proxy in front of it. Of several values of X-Forwarded-Proto the
// last counts, which the peer itself has set.
func (p Proxies) HTTPS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	values := r.Header.Values("X-Forwarded-Proto")
	if len(values) == 0 || !p.trusts(peer(r)) {
		return false
	}
	_, last, _ := cutLast(values[len(values)-1])
	return strings.EqualFold(last, "https")
}

func (p Proxies) trusts(addr netip.Addr) bool {
	return slices.ContainsFunc(p, func(prefix netip.Prefix) bool { return prefix.Contains(addr) })
}

func peer(r *http.Request) netip.Addr {
	addrPort, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return netip.Addr{}
	}
	return plain(addrPort.Addr())
}

// forwarded reads one entry of X-Forwarded-For. Some proxies add brackets or
// the port.
func forwarded(entry string) (netip.Addr, bool) {
	if inner, ok := strings.CutPrefix(entry, "["); ok && strings.HasSuffix(inner, "]") {
		entry = strings.TrimSuffix(inner, "]")
	}
	if addr, err := netip.ParseAddr(entry); err == nil {
		return plain(addr), true
	}
	addrPort, err := netip.ParseAddrPort(entry)
	return plain(addrPort.Addr()), err == nil
}

// plain is the one spelling of an address that prefixes and limits know.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
