package config

import (
	"net"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
)

// anyOrigin lets every page call.
const anyOrigin = "*"

// host takes a host name or an IP address without brackets or port.
func host(field func(*Config) *string) apply {
	return func(c *Config, value string, bad reject) {
		_, err := netip.ParseAddr(value)
		if err != nil && strings.ContainsAny(value, ":/[]@ \t") {
			bad(value, "must be a host name or an IP address, without port")
			return
		}
		*field(c) = value
	}
}

// address takes host:port; without a host, all interfaces.
func address(field func(*Config) *string) apply {
	return func(c *Config, value string, bad reject) {
		if value == "" {
			return
		}
		host, port, err := net.SplitHostPort(value)
		if _, portErr := strconv.ParseUint(port, 10, 16); err != nil || portErr != nil || strings.ContainsAny(host, "/@ \t") {
			bad(value, "must be host:port, such as 127.0.0.1:9090")
			return
		}
		*field(c) = value
	}
}

// webURL takes http:// or https:// with a host; a trailing slash is left out.
func webURL(field func(*Config) *string) apply {
	return func(c *Config, value string, bad reject) {
		if value == "" {
			return
		}
		u, err := url.Parse(value)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
			bad(value, "must be a URL such as http://localhost:4318, without user, query or fragment")
			return
		}
		*field(c) = strings.TrimRight(value, "/")
	}
}

// databaseURL does not repeat what net/url says, which would be the URL.
func databaseURL(field func(*Config) *Secret) apply {
	return func(c *Config, value string, bad reject) {
		if value == "" {
			return
		}
		if !hasScheme(value, "postgres", "postgresql") {
			bad(value, "must begin with postgres:// or postgresql://")
			return
		}
		if _, err := url.Parse(value); err != nil {
			bad(value, "is not a valid URL; special characters in the password must be percent-encoded")
			return
		}
		*field(c) = Secret(value)
	}
}

// redisURL checks the scheme alone: a sentinel's or a cluster's URL lists
// several hosts, which net/url does not read.
func redisURL(field func(*Config) *Secret) apply {
	return func(c *Config, value string, bad reject) {
		if value == "" {
			return
		}
		if !hasScheme(value, "redis", "rediss", "redis+sentinel", "redis+cluster") {
			bad(value, "must begin with redis://, rediss://, redis+sentinel:// or redis+cluster://")
			return
		}
		*field(c) = Secret(value)
	}
}

// headers takes those of HTTP, as OpenTelemetry's specification writes them.
func headers(field func(*Config) *Secret) apply {
	return func(c *Config, value string, bad reject) {
		for _, item := range items(value) {
			name, content, ok := strings.Cut(item, "=")
			if _, err := url.PathUnescape(content); err != nil || !ok || strings.TrimSpace(name) == "" {
				bad(value, "must be name=value, several by comma, the values percent-encoded")
				return
			}
		}
		*field(c) = Secret(value)
	}
}

// hasScheme reports whether something follows one of the schemes.
func hasScheme(value string, schemes ...string) bool {
	scheme, rest, _ := strings.Cut(value, "://")
	for _, s := range schemes {
		if scheme == s && rest != "" {
			return true
		}
	}
	return false
}

func prefixes(field func(*Config) *[]netip.Prefix) apply {
	return func(c *Config, value string, bad reject) {
		var list []netip.Prefix
		for _, item := range items(value) {
			prefix, ok := parsePrefix(item)
			if !ok {
				bad(item, "must be an IP address or a CIDR such as 10.0.0.0/8")
				continue
			}
			list = append(list, prefix)
		}
		*field(c) = list
	}
}

// parsePrefix reads an address or a CIDR. IPv4 mapped into IPv6 becomes IPv4,
// as the addresses that are compared with it do.
func parsePrefix(s string) (netip.Prefix, bool) {
	if addr, err := netip.ParseAddr(s); err == nil && addr.Zone() == "" {
		addr = addr.Unmap()
		return netip.PrefixFrom(addr, addr.BitLen()), true
	}
	prefix, err := netip.ParsePrefix(s)
	if err != nil {
		return netip.Prefix{}, false
	}
	if addr := prefix.Addr(); addr.Is4In6() && prefix.Bits() >= 96 {
		prefix = netip.PrefixFrom(addr.Unmap(), prefix.Bits()-96)
	}
	return prefix.Masked(), true
}

// origins is any when it is unset, but in cookie mode none. COOKIE_MODE must be
// declared before.
func origins(field func(*Config) *[]string) apply {
	return func(c *Config, value string, bad reject) {
		if value == "" && c.CookieMode {
			return
		}
		if value == "" {
			value = anyOrigin
		}
		list := items(strings.ToLower(value))
		if len(list) == 0 {
			bad(value, "must name an origin")
		}
		for _, item := range list {
			switch {
			case item == anyOrigin && len(list) > 1:
				bad(value, "* allows every origin and must stand alone")
			case item != anyOrigin && !isOrigin(item):
				bad(item, "must be * or an origin such as https://app.example.com, without a path")
			}
		}
		*field(c) = list
	}
}

// issuer takes an origin: the paths of the metadata are below it (RFC 8414
// section 3). Only a developer's own machine does without TLS.
func issuer(field func(*Config) *string) apply {
	return func(c *Config, value string, bad reject) {
		if value == "" {
			return
		}
		u, err := url.Parse(value)
		if err != nil || !isOrigin(value) || u.Scheme != "https" && (u.Scheme != "http" || !isLoopback(u.Hostname())) {
			bad(value, "must be https:// and a host, without a path")
			return
		}
		*field(c) = value
	}
}

func isLoopback(host string) bool {
	addr, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && addr.IsLoopback()
}

// isOrigin reports whether s is what a browser sends as Origin (RFC 6454
// section 7): scheme, host and port, nothing more.
func isOrigin(s string) bool {
	u, err := url.Parse(s)
	return err == nil && !strings.Contains(s, "*") && u.Scheme != "" && u.Host != "" && strings.EqualFold(s, u.Scheme+"://"+u.Host)
}
