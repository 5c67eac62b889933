package web

import (
	"iter"
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
	client, _ := p.walk(r)
	return client
}

// walk returns the client's address, and how many trusted proxies the request has
// passed: the peer, and those whose entries it read after the peer's.
func (p Proxies) walk(r *http.Request) (client netip.Addr, hops int) {
	client = peer(r)
	if !p.trusts(client) {
		return client, 0
	}
	read := 0
	for entry := range entries(r.Header.Values("X-Forwarded-For")) {
		read++
		addr, ok := forwarded(entry)
		if !ok {
			break
		}
		if client = addr; !p.trusts(client) {
			break
		}
	}
	return client, max(1, read)
}

// entries yields the entries of a list from the right. Several headers are one
// list (RFC 9110 section 5.3).
func entries(headers []string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for _, header := range slices.Backward(headers) {
			for more := true; more; {
				var entry string
				if header, entry, more = cutLast(header); !yield(entry) {
					return
				}
			}
		}
	}
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

// HTTPS reports whether the client uses https, to this process or to the first
// trusted proxy. X-Forwarded-Proto is read from the right like X-Forwarded-For:
// each trusted proxy appends the protocol that it was reached by, or keeps what
// the one before it has set. What a client has set further left is never read.
func (p Proxies) HTTPS(r *http.Request) bool {
	if r.TLS != nil {
		return true
	}
	values := r.Header.Values("X-Forwarded-Proto")
	if len(values) == 0 {
		return false
	}
	_, hops := p.walk(r)
	proto := ""
	for entry := range entries(values) {
		if hops == 0 {
			break
		}
		proto = entry
		hops--
	}
	return strings.EqualFold(proto, "https")
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
