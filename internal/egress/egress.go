// Package egress provides the HTTP client for requests that rekey itself sends
// to addresses in its settings. The client checks the address that it connects
// to, follows no redirect, and ignores proxy variables.
package egress

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

const (
	dialTimeout    = 10 * time.Second
	maxHeaderBytes = 64 << 10
)

// Options hold what NewClient needs. The zero value allows public addresses only.
type Options struct {
	// Allow lists networks that are allowed although they are not public.
	Allow []netip.Prefix
}

// NewClient returns a client. The caller limits each request by its context, and
// how much of a body it reads.
func NewClient(o Options) *http.Client {
	dialer := &net.Dialer{Timeout: dialTimeout, ControlContext: func(_ context.Context, _, address string, _ syscall.RawConn) error {
		return check(address, o.Allow)
	}}
	return &http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			DialContext: dialer.DialContext, ForceAttemptHTTP2: true, TLSHandshakeTimeout: dialTimeout,
			MaxResponseHeaderBytes: maxHeaderBytes, MaxIdleConnsPerHost: 2, IdleConnTimeout: time.Minute,
		},
	}
}

// check returns an error if a connection to a resolved address is not allowed. It
// runs for each address after the name was resolved, so that no answer of DNS
// avoids it.
func check(address string, allow []netip.Prefix) error {
	target, err := netip.ParseAddrPort(address)
	if err != nil {
		return fmt.Errorf("address %q: %w", address, err)
	}
	if addr := target.Addr().WithZone(""); !Allowed(addr, allow) {
		return fmt.Errorf("%s is not a public address: list its network in EGRESS_ALLOW if it is meant", addr.Unmap())
	}
	return nil
}

// Allowed reports whether rekey may connect to an address: it is public, or in one
// of the networks.
func Allowed(addr netip.Addr, networks []netip.Prefix) bool {
	addr = addr.Unmap()
	for _, n := range networks {
		if n.Contains(addr) {
			return true
		}
	}
	if !addr.IsGlobalUnicast() || addr.IsPrivate() {
		return false // also loopback, link-local with the addresses of metadata, multicast
	}
	for _, n := range reserved() {
		if n.Contains(addr) {
			return false
		}
	}
	return true
}

// reserved returns the networks that are neither private nor public (RFC 6890),
// and those whose addresses contain an IPv4 address, which may be private.
func reserved() []netip.Prefix {
	var all []netip.Prefix
	for _, s := range []string{
		"0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20", "5f00::/16", "fec0::/10",
	} {
		all = append(all, netip.MustParsePrefix(s))
	}
	return all
}
