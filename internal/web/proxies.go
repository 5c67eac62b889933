package web

import (
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// Proxies are the peers whose X-Forwarded-* headers are trusted. The headers of
// other peers are ignored: with them a client could choose its address, and so
// whose rate limits its requests count against.
type Proxies []netip.Prefix

// ClientAddress returns the address of the request's client; IPv4 is not mapped
// into IPv6. The client is the peer, unless the peer is a trusted proxy: then
// X-Forwarded-For is read from the right, where trusted proxies append, up to
// the first address that is not trusted. A malformed entry ends the reading,
// and the last proxy read is the client. It returns the zero Addr if the peer
// has no address.
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

// cutLast cuts the last entry off a comma-separated list. It does not split the
// whole list, because the client may have invented most of a long one.
func cutLast(list string) (rest, entry string, more bool) {
	i := strings.LastIndexByte(list, ',')
	if i < 0 {
		return "", strings.TrimSpace(list), false
	}
	return list[:i], strings.TrimSpace(list[i+1:]), true
}

// HTTPS reports whether the client uses https, to this process or to the
// trusted proxy in front of it. The last value of X-Forwarded-Proto decides,
// because the peer itself has set it.
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

// forwarded parses one entry of X-Forwarded-For. Some proxies add brackets or
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

// plain returns the form of an address that prefixes and limits compare.
func plain(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
